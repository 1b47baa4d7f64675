"""The test pattern says who and when it is, and keeps its pace."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from services.video.sources.pattern import PatternSource, PatternSpec, parse_pattern
from shared.frame_code import read_codes

if TYPE_CHECKING:
    from shared.ring.writer import RingWriter


def no_wait(_seconds: float) -> None:
    """Draw as fast as it goes."""


@pytest.mark.parametrize(
    ("url", "spec"),
    [
        ("pattern://1280x720@25", PatternSpec(1280, 720, 25)),
        ("pattern://640x480@29.97", PatternSpec(640, 480, 29.97)),
        ("pattern://640x480", PatternSpec(640, 480, 30)),
        ("pattern://@5", PatternSpec(1920, 1080, 5)),
        ("pattern://", PatternSpec(1920, 1080, 30)),
    ],
)
def test_url_is_read(url: str, spec: PatternSpec) -> None:
    assert parse_pattern(url) == spec
    assert parse_pattern(str(spec)) == spec


@pytest.mark.parametrize(
    "url",
    [
        "pattern://0x0@30",
        "pattern://640x480@0",
        "pattern://640x480@500",
        "pattern://9999x9999",
        "pattern://640",
        "pattern://a.mp4",
    ],
)
def test_impossible_url_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match=r"pattern"):
        parse_pattern(url)


def test_code_holds_the_slots_sequence_and_the_capture_time(writer: RingWriter) -> None:
    source = PatternSource(PatternSpec(640, 480, 30), no_wait)
    source.open()
    for expected in (1, 2, 3):
        before_us = time.time_ns() // 1000
        grab = source.grab()
        after_us = time.time_ns() // 1000
        slot = writer.begin(grab.geometry)
        source.retrieve(slot)
        top, bottom = read_codes(slot.image)
        writer.commit(slot, grab.captured_at)

        assert top is not None
        assert top == bottom
        assert top.sequence == slot.sequence == expected
        assert before_us <= top.captured_wall_us <= after_us


def test_pattern_moves(writer: RingWriter) -> None:
    source = PatternSource(PatternSpec(640, 480, 30))
    source.open()
    images = []
    for _ in range(2):
        slot = writer.begin(source.grab().geometry)
        source.retrieve(slot)
        images.append(slot.image[60:300].copy())

    assert (images[0] != images[1]).mean() > 0.5


def test_frames_nobody_had_time_for_are_left_out_and_counted() -> None:
    source = PatternSource(PatternSpec(64, 64, 200))
    source.open()
    source.grab()
    source.grab()
    give_up_s = time.monotonic() + 0.1
    while time.monotonic() < give_up_s:
        continue  # busy with something else for 20 periods

    assert source.grab().dropped >= 18


def test_first_frame_may_take_long_without_a_drop() -> None:
    """The ring is made when the first picture is there: 40 ms for 1080p."""
    source = PatternSource(PatternSpec(64, 64, 10))
    source.open()
    source.grab()
    give_up_s = time.monotonic() + 0.25
    while time.monotonic() < give_up_s:
        continue

    assert source.grab().dropped == 0
