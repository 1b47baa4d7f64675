"""Tests of benchmarks/soak_steady.py: a wrong picture is called wrong."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.soak_steady import judged_picture
from shared.frame_code import FrameCode, draw_code


def jpeg(top: int, bottom: int, size: tuple[int, int] = (360, 640)) -> bytes:
    upper, lower = (np.full((*size, 3), 90, np.uint8) for _ in range(2))
    draw_code(upper, FrameCode(top, 1))
    draw_code(lower, FrameCode(bottom, 1))
    middle = size[0] // 2
    image = np.concatenate([upper[:middle], lower[middle:]])
    return cv2.imencode(".jpg", image)[1].tobytes()


@pytest.mark.parametrize(
    ("picture", "complaint"),
    [
        (jpeg(7, 7), ""),
        (jpeg(8, 8), "frame 7 shows 8"),
        (jpeg(7, 8), "frame 7: its top is 7, its bottom 8"),
        (b"no jpeg", "frame 7 cannot be decoded"),
        (cv2.imencode(".jpg", np.zeros((360, 640, 3), np.uint8))[1].tobytes(), "no readable"),
    ],
)
def test_a_picture_is_compared_with_the_number_of_its_part(picture: bytes, complaint: str) -> None:
    found = judged_picture(picture, 7)
    assert complaint in found
    assert bool(found) == bool(complaint)


def test_numbers_are_drawn_modulo_two_to_the_32() -> None:
    assert judged_picture(jpeg(5, 5), 5 + (1 << 32)) == ""
