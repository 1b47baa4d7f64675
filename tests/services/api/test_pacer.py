from __future__ import annotations

import itertools
import random

import pytest

from services.api.pacer import Pacer
from shared.frame import MonotonicNs


def chosen(
    fps: float, source_fps: float, *, seconds: float = 60.0, jitter_s: float = 0.0
) -> list[int]:
    """Numbers of the frames a client gets from a camera of ``source_fps``."""
    pacer, dice, numbers = Pacer(fps), random.Random(4), []  # noqa: S311 - a fixed seed, no secret
    for number in range(int(seconds * source_fps)):
        at = MonotonicNs(round(1e12 + 1e9 * (number / source_fps + dice.uniform(0, jitter_s))))
        if pacer.due(at, source_fps):
            pacer.sent(at)
            numbers.append(number)
    return numbers


@pytest.mark.parametrize("jitter_s", [0.0, 0.004])
@pytest.mark.parametrize(
    ("fps", "source_fps"),
    [(20, 30), (25, 30), (10, 30), (7, 30), (1, 30), (30, 60), (24, 60), (29, 60), (1, 1000 / 33)],
)
def test_rate_is_what_was_asked_for(fps: float, source_fps: float, jitter_s: float) -> None:
    frames = len(chosen(fps, source_fps, jitter_s=jitter_s))
    assert abs(frames - 60 * fps) <= 0.03 * 60 * fps + 1


@pytest.mark.parametrize("jitter_s", [0.0, 0.004])
@pytest.mark.parametrize(("fps", "source_fps"), [(20, 30), (25, 30), (10, 30), (30, 60), (24, 60)])
def test_frames_are_evenly_chosen(fps: float, source_fps: float, jitter_s: float) -> None:
    numbers = chosen(fps, source_fps, jitter_s=jitter_s)
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    even = source_fps / fps
    assert all(abs(step - even) < 1.0 for step in steps[1:]), sorted(set(steps))


@pytest.mark.parametrize("drift", [0.999, 1.0, 1.001])
@pytest.mark.parametrize("fps", [20.0, 7.0, 12.5, 25.0, 29.0])
def test_rate_holds_every_second_and_gaps_are_within_one_source_interval(
    fps: float, drift: float
) -> None:
    """No beating against the source's clock, whether that runs a little fast or slow."""
    source_fps = 30.0 * drift
    numbers = chosen(fps, source_fps, seconds=120.0, jitter_s=0.003)
    assert abs(len(numbers) / 120.0 - fps) <= 0.5
    gaps_s = [(after - before) / source_fps for before, after in itertools.pairwise(numbers)]
    assert all(abs(gap - 1 / fps) <= 1 / source_fps for gap in gaps_s[1:]), sorted(set(gaps_s))


@pytest.mark.parametrize("source_fps", [30.0, 29.97, 30.3, 15.0, 5.0])
def test_source_that_is_no_faster_is_passed_on_frame_by_frame(source_fps: float) -> None:
    frames = int(60 * source_fps)
    assert chosen(30, source_fps, jitter_s=0.03) == list(range(frames))


def test_after_a_pause_there_is_no_burst() -> None:
    pacer = Pacer(10)
    pacer.sent(MonotonicNs(1_000_000_000_000))
    later = 1_060_000_000_000
    due = 0
    for number in range(30):
        at = MonotonicNs(later + number * 33_333_333)
        if pacer.due(at, 30.0):
            pacer.sent(at)
            due += 1
    assert 9 <= due <= 11


def test_rate_not_known_yet_paces_too() -> None:
    pacer = Pacer(10)
    pacer.sent(MonotonicNs(1_000_000_000_000))
    assert not pacer.due(MonotonicNs(1_000_033_000_000), 0.0)
    assert pacer.due(MonotonicNs(1_000_100_000_000), 0.0)
