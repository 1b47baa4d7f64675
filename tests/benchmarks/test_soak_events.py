"""Tests of benchmarks/soak_events.py: what is planned for a soak."""

from __future__ import annotations

import itertools

import pytest

from benchmarks.soak_events import KINDS, schedule


@pytest.mark.parametrize("duration_s", [30.0, 60.0, 180.0, 600.0, 3600.0, 86400.0])
def test_every_kind_of_event_comes_and_the_last_one_has_time_to_show(duration_s: float) -> None:
    planned = schedule(duration_s)
    assert {event.kind for event in planned} == set(KINDS)
    assert planned[0].at_s > 0
    period_s = planned[1].at_s - planned[0].at_s
    assert planned[-1].at_s + 0.9 * period_s <= duration_s
    assert all(later.at_s > earlier.at_s for earlier, later in itertools.pairwise(planned))


def test_an_hour_restarts_video_every_few_minutes_and_lets_one_worker_grow_old() -> None:
    planned = schedule(3600.0)
    restarts = [event.at_s for event in planned if event.kind in {"video_term", "video_kill"}]
    reloads = [event.at_s for event in planned if event.kind == "reload"]
    kills = [event.at_s for event in planned if event.kind == "worker_kill"]
    assert max(b - a for a, b in itertools.pairwise(restarts)) <= 300
    assert len(reloads) >= 3
    assert reloads[-1] < 1800
    assert len(kills) >= 5
