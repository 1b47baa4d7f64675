"""Tests of benchmarks/soak_service.py: who was without pictures, and for how long."""

from __future__ import annotations

from benchmarks.soak_events import Event
from benchmarks.soak_service import (
    judged_ages,
    judged_counts,
    judged_outages,
    judged_rates,
    longest_gap_s,
)

ARRIVALS = [0.0, 1.0, 2.0, 5.0, 6.0, 7.0, 8.0, 9.0]


def test_a_gap_counts_from_the_last_frame_before_the_window() -> None:
    assert longest_gap_s(ARRIVALS, 3.0, 9.0) == 3.0
    assert longest_gap_s(ARRIVALS, 5.5, 9.0) == 1.0


def test_a_gap_that_has_not_ended_counts_to_the_end() -> None:
    assert longest_gap_s(ARRIVALS, 8.5, 30.0) == 21.0
    assert longest_gap_s([], 5.0, 9.0) == 4.0


def test_outages_are_judged_per_kind_of_event() -> None:
    events = [Event(2.5, "video_kill"), Event(6.5, "reload"), Event(8.5, "video_kill")]
    findings, outages = judged_outages([ARRIVALS, ARRIVALS], events, 9.5)
    assert outages == {"video_kill": [1.0, 1.0, 3.0, 3.0], "reload": [1.0, 1.0]}
    assert [(one.what, one.good) for one in findings] == [
        ("without live frames after video_kill", True),
        ("without live frames after reload", True),
    ]
    assert findings[0].measured == "p50 3.00 s, max 3.00 s (2 times)"


def test_a_client_that_never_came_back_fails_and_a_pause_is_allowed_its_length() -> None:
    kill, _ = judged_outages([ARRIVALS], [Event(8.5, "video_kill")], 21.0)
    pause, _ = judged_outages([ARRIVALS], [Event(8.5, "video_pause")], 21.0)
    assert not kill[0].good
    assert pause[0].good


def test_old_frames_and_no_frames_fail() -> None:
    assert judged_ages([5.0] * 98 + [900.0]).good is False
    assert judged_ages([5.0] * 999 + [900.0]).good is True
    assert judged_ages([]).good is False


def test_half_the_rate_is_the_least() -> None:
    assert judged_rates([0.0, 29.0, 30.0], 30).good
    assert not judged_rates([14.0, 13.0, 30.0], 30).good
    assert not judged_rates([], 30).good


def test_what_was_not_looked_for_is_not_proven() -> None:
    found = judged_counts({"wrong": (0, 100), "bad": (1, 100), "unseen": (0, 0)})
    assert [one.good for one in found] == [True, False, False]
