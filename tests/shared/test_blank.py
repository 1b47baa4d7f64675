"""A blank can be drawn into any picture, and says something."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.blank import blank_jpeg, draw_blank
from shared.errors import EncodeError

REASON = "connection refused by camera.example:554: is the camera switched on?"


@pytest.mark.parametrize("shape", [(720, 1280, 3), (1080, 1920, 4), (480, 640), (480, 640, 1)])
def test_blank_fills_pictures_of_every_pixel_format(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    draw_blank(image, REASON, "2026-11-23 13:00:00")

    assert (image[0].reshape(shape[1], -1)[:, 0] == image[0, 0].flat[0]).all()  # plain background
    assert image.max() > 200  # and something written on it
    if shape[2:] == (4,):
        assert (image[:, :, 3] == 255).all()


def test_blank_is_gray_so_that_the_order_of_colors_does_not_matter() -> None:
    image = np.empty((720, 1280, 3), np.uint8)

    draw_blank(image, REASON, "13:00:00")

    assert (image[:, :, 0] == image[:, :, 1]).all()
    assert (image[:, :, 1] == image[:, :, 2]).all()


def test_blank_shows_the_reason_and_the_time() -> None:
    one, other_reason, other_time = (np.empty((720, 1280, 3), np.uint8) for _ in range(3))

    draw_blank(one, REASON, "13:00:00")
    draw_blank(other_reason, "file not found", "13:00:00")
    draw_blank(other_time, REASON, "13:00:01")

    assert (one != other_reason).any()
    assert (one != other_time).any()
    assert (one[:580] == other_time[:580]).all()  # the time stands at the bottom


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 700),
    height=st.integers(1, 500),
    reason=st.text(max_size=300),
    at=st.text(max_size=40),
)
def test_blank_can_be_drawn_at_any_size_with_any_text(
    width: int, height: int, reason: str, at: str
) -> None:
    draw_blank(np.empty((height, width, 3), np.uint8), reason, at)


def test_blank_keeps_inside_a_window_of_a_larger_picture() -> None:
    picture = np.full((800, 1400, 3), 7, np.uint8)

    draw_blank(picture[40:760, 60:1340], REASON * 9, "13:00:00")

    assert (picture[:40] == 7).all()
    assert (picture[:, 1340:] == 7).all()


def test_blank_between_jpegs_is_one_of_the_size_asked_for_in_color() -> None:
    jpeg = blank_jpeg(1280, 720, REASON, "13:00:00")

    image = cv2.imdecode(jpeg, cv2.IMREAD_UNCHANGED)

    assert image is not None
    assert image.shape == (720, 1280, 3)
    assert image.max() > 200
    assert jpeg.size < 60_000


def refuse(*_args: object) -> tuple[bool, None]:
    return False, None


def fail(*_args: object) -> tuple[bool, None]:
    raise cv2.error("no room")


@pytest.mark.parametrize("outcome", [refuse, fail])
def test_blank_that_opencv_does_not_encode_says_so(
    outcome: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2, "imencode", outcome)
    with pytest.raises(EncodeError, match="64x48"):
        blank_jpeg(64, 48, REASON, "13:00:00")
