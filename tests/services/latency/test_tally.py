from __future__ import annotations

import dataclasses

import pytest

from services.latency.sighting import Sighting
from services.latency.tally import Report, Tally, spread


def frame(number: int, late_ms: float = 5.0, epoch: str = "1") -> Sighting:
    """A frame of a camera that gives ten a second."""
    captured_us = 1_000_000_000 + number * 100_000
    received_us = captured_us + round(late_ms * 1000)
    return Sighting(received_us / 1e6, received_us, captured_us, number, epoch, 1000, coded=True)


def report(*frames: Sighting) -> Report:
    tally = Tally()
    for each in frames:
        tally.add(each)
    return tally.report(1000 * len(frames))


def test_even_frames_have_an_age_and_no_jitter() -> None:
    found = report(*(frame(number) for number in range(1, 12)))
    assert found.age_ms == spread([5.0])
    assert found.jitter_ms == spread([0.0])
    assert found.gap_ms == spread([100.0])
    assert (found.fps, found.bytes_per_s) == (10.0, 11_000)
    assert (found.expected, found.missing, found.repeated, found.coded) == (11, 0, 0, 11)


def test_a_late_frame_is_jitter_twice() -> None:
    found = report(frame(1), frame(2, 25.0), frame(3), frame(4))
    assert found.jitter_ms is not None
    assert found.jitter_ms.max == pytest.approx(20.0)
    assert found.jitter_ms.p50 == pytest.approx(20.0)


def test_numbers_that_never_came_are_missing() -> None:
    found = report(frame(1), frame(2), frame(5))
    assert (found.expected, found.missing) == (5, 2)


def test_a_frame_again_is_repeated_and_has_no_age() -> None:
    found = report(frame(1), frame(2), dataclasses.replace(frame(2), received_wall_us=2**40))
    assert (found.repeated, found.received, found.missing) == (1, 3, 0)
    assert found.age_ms is not None
    assert found.age_ms.max == pytest.approx(5.0)


def test_a_lower_number_is_backwards_but_not_in_another_epoch() -> None:
    assert report(frame(5), frame(4)).backwards == 1
    found = report(frame(5), frame(1, epoch="2"))
    assert (found.backwards, found.epochs, found.missing) == (0, 2, 0)


def test_torn_and_contradicting_pictures_are_counted_and_torn_ones_not_timed() -> None:
    torn = dataclasses.replace(frame(2, 900.0), torn=True)
    wrong = dataclasses.replace(frame(3), contradicts=True)
    found = report(frame(1), torn, wrong)
    assert (found.torn, found.contradicting) == (1, 1)
    assert found.age_ms is not None
    assert found.age_ms.max == pytest.approx(5.0)


def test_blanks_have_no_age() -> None:
    found = report(dataclasses.replace(frame(1), online=False))
    assert (found.blank, found.age_ms, found.fps) == (1, None, 0.0)


def test_frames_without_numbers_and_times_are_counted_all_the_same() -> None:
    silent = [dataclasses.replace(frame(n), number=-1, captured_wall_us=0) for n in range(1, 12)]
    found = report(*silent)
    assert (found.received, found.fps, found.repeated, found.expected) == (11, 10.0, 0, 0)
    assert (found.age_ms, found.jitter_ms) == (None, None)
    assert found.gap_ms == spread([100.0])


def test_nothing_comes_to_nothing() -> None:
    found = report()
    assert (found.received, found.seconds, found.fps, found.age_ms) == (0, 0.0, 0.0, None)


def test_percentiles_are_in_order() -> None:
    found = spread([float(value) for value in range(101)])
    assert found is not None
    assert (found.p50, found.p95, found.p99, found.max) == (50.0, 95.0, 99.0, 100.0)
