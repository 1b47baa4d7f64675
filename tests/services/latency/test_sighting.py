from __future__ import annotations

import dataclasses

import numpy as np

from services.latency.sighting import Sighting, look
from shared.frame_code import FrameCode, draw_code

SAID = Sighting(10.0, 5_000_000, 4_900_000, 7, "1", 1234)


def picture(number: int, captured_wall_us: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    image = np.zeros((240, 320), np.uint8)
    draw_code(image, FrameCode(number, captured_wall_us))
    return image


def test_the_picture_is_believed_before_the_headers() -> None:
    seen = look(SAID, picture(7, 4_950_000))
    assert (seen.coded, seen.torn, seen.contradicts) == (True, False, False)
    assert seen.age_ms == 50.0
    assert SAID.age_ms == 100.0


def test_halves_of_two_frames_are_torn() -> None:
    image = picture(7, 4_950_000)
    image[:120] = picture(8, 4_980_000)[:120]
    assert look(SAID, image).torn
    image[:120] = 0
    assert look(SAID, image).torn


def test_another_frame_than_said_is_noticed_where_something_was_said() -> None:
    assert look(SAID, picture(8, 4_950_000)).contradicts
    silent = dataclasses.replace(SAID, number=-1)
    assert not look(silent, picture(8, 4_950_000)).contradicts


def test_without_a_code_the_headers_count() -> None:
    assert look(SAID, np.zeros((240, 320), np.uint8)) is SAID
    assert look(SAID, None) is SAID


def test_a_blank_is_not_looked_at() -> None:
    blank = dataclasses.replace(SAID, online=False)
    assert look(blank, picture(7, 4_950_000)) is blank
