"""Tests of benchmarks/soak_counters.py: what is counted stays counted."""

from __future__ import annotations

from benchmarks.soak_counters import Totals


def test_what_an_ended_worker_has_counted_stays_counted() -> None:
    totals = Totals()
    totals.add({1: {"worker": 1, "sent": 100, "camera": "video"}, 2: {"sent": 50}})
    assert totals.add({2: {"sent": 60}, 3: {"sent": 5}}) == {"sent": 165.0}


def test_any_number_of_a_status_document_is_read_and_states_are_not_added_up() -> None:
    polled = {
        1: {"dropped": 1, "hub_late_ms": {"p99": 3.5}, "online": True, "fps": 30.0, "auto": {}},
        2: {"dropped": 2, "hub_late_ms": {"p99": 8.0}, "fps": 29.0, "reason": ""},
    }
    assert Totals().add(polled) == {"dropped": 3.0, "hub_late_ms.p99": 8.0, "fps": 30.0}
