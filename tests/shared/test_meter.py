"""Rates and complaints, with a clock that is moved by hand."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.meter import RateMeter, Throttle

if TYPE_CHECKING:
    from tests.conftest import Clock


def test_a_meter_without_two_events_says_0(clock: Clock) -> None:
    meter = RateMeter()
    assert meter.rate(clock()) == 0.0
    meter.tick(clock())
    assert meter.rate(clock()) == 0.0


@given(st.floats(0.1, 500.0), st.integers(2, 300))
def test_a_steady_rate_reads_as_what_it_is(rate: float, events: int) -> None:
    meter = RateMeter(window_s=1e9)
    for event in range(events):
        meter.tick(event / rate)
    assert meter.rate((events - 1) / rate) == pytest.approx(rate)


def test_thirty_frames_a_second_read_thirty_at_any_moment_of_the_window(clock: Clock) -> None:
    meter = RateMeter(window_s=2.0)
    for _ in range(300):
        meter.tick(clock())
        clock.advance(1 / 30)
    for _ in range(20):
        clock.advance(0.05)
        assert meter.rate(clock()) == pytest.approx(30.0)


def test_events_are_forgotten_after_the_window(clock: Clock) -> None:
    meter = RateMeter(window_s=2.0)
    meter.tick(clock())
    meter.tick(clock() + 0.1)
    clock.advance(5.0)
    assert meter.rate(clock()) == 0.0


def test_events_of_the_same_instant_have_no_rate(clock: Clock) -> None:
    meter = RateMeter()
    meter.tick(clock())
    meter.tick(clock())
    assert meter.rate(clock()) == 0.0


def test_several_events_count_in_one_tick(clock: Clock) -> None:
    meter = RateMeter()
    meter.tick(clock())
    clock.advance(1.0)
    meter.tick(clock(), events=25)
    assert meter.rate(clock()) == pytest.approx(25.0)


def test_the_first_complaint_is_voiced_and_the_rest_counted(clock: Clock) -> None:
    throttle = Throttle(interval_s=1.0)
    assert throttle.ready(clock()) == 0
    assert [throttle.ready(clock()) for _ in range(3)] == [None, None, None]
    clock.advance(0.999)
    assert throttle.ready(clock()) is None
    clock.advance(0.001)
    assert throttle.ready(clock()) == 4
    clock.advance(1.0)
    assert throttle.ready(clock()) == 0


@given(st.lists(st.floats(0.0, 3.0), max_size=60))
def test_no_complaint_is_lost_and_none_comes_too_early(pauses: list[float]) -> None:
    throttle = Throttle(interval_s=1.0)
    now_s, voiced, accounted, unsaid = 0.0, [], 0, 0
    for pause_s in pauses:
        now_s += pause_s
        withheld = throttle.ready(now_s)
        if withheld is None:
            unsaid += 1
        else:
            voiced.append(now_s)
            accounted += withheld + 1
            unsaid = 0
    assert accounted + unsaid == len(pauses)
    assert all(later - earlier >= 1.0 for earlier, later in itertools.pairwise(voiced))
