"""Pacing on a hand-moved clock."""

from __future__ import annotations

import pytest

from services.video.sources.pacer import Pacer


class Clock:
    """Moves when somebody waits, and when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pacer(clock: Clock) -> Pacer:
    pacer = Pacer(clock.wait, clock)
    pacer.start_at(0.0)
    return pacer


def test_positions_become_moments(pacer: Pacer, clock: Clock) -> None:
    assert pacer.wait_until(0.5) == 0.0
    assert clock.now_s == pytest.approx(100.5)
    assert pacer.wait_until(0.75) == 0.0
    assert clock.now_s == pytest.approx(100.75)


def test_waiting_too_long_does_not_add_up(pacer: Pacer, clock: Clock) -> None:
    for picture in range(1, 101):
        pacer.wait_until(picture * 0.1)
        clock.wait(0.03)  # work, and a lazy scheduler

    assert clock.now_s == pytest.approx(110.03)


def test_lateness_is_told_and_nothing_is_waited(pacer: Pacer, clock: Clock) -> None:
    clock.wait(2.0)

    assert pacer.wait_until(0.5) == pytest.approx(1.5)
    assert clock.now_s == pytest.approx(102.0)


def test_new_start_keeps_the_gap_to_the_last_picture(pacer: Pacer, clock: Clock) -> None:
    pacer.wait_until(1.0)

    pacer.start_at(0.0, gap_s=0.04)
    pacer.wait_until(0.0)

    assert clock.now_s == pytest.approx(101.04)


def test_new_start_after_a_long_pause_is_now_and_no_burst(pacer: Pacer, clock: Clock) -> None:
    pacer.wait_until(1.0)
    clock.wait(5.0)

    pacer.start_at(0.0, gap_s=0.04)

    assert pacer.wait_until(0.0) == 0.0
    assert pacer.wait_until(0.04) == 0.0
    assert clock.now_s == pytest.approx(106.04)


def test_wait_that_comes_back_early_is_no_error(clock: Clock) -> None:
    """The service stops: the event that everybody waits on is set."""
    pacer = Pacer(lambda _seconds: None, clock)
    pacer.start_at(0.0)

    assert pacer.wait_until(10.0) == 0.0
