"""Tests of benchmarks/soak.py: the durations it takes, and that every kind of trouble is judged."""

from __future__ import annotations

import argparse

import pytest

from benchmarks.soak import judged, seconds
from benchmarks.soak_events import Event
from benchmarks.soak_run import Record
from benchmarks.soak_samples import Process, Sample
from benchmarks.soak_steady import SteadyClient


@pytest.mark.parametrize(
    ("text", "duration_s"), [("30s", 30.0), ("3m", 180.0), ("1h", 3600.0), ("1.5m", 90.0)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, duration_s: float) -> None:
    assert seconds(text) == duration_s


@pytest.mark.parametrize("text", ["", "3", "29s", "m", "-1m", "3 m", "1d"])
def test_what_is_no_duration_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="duration of at least 30s"):
        seconds(text)


def quiet_record() -> Record:
    record = Record(180.0, events=[Event(20.0, "video_kill")], ended_s=180.0)
    for number in range(90):
        processes = [Process("worker", 7, 2.0 * number, 80.0, 5.0, 30, 6, 3)]
        record.samples.append(Sample(2.0 * number, 9, [30.0], [5.0, 9.0], processes, 12, 6.5))
    record.rest = [record.samples[0], record.samples[-1]]
    client = SteadyClient("http://127.0.0.1:1/")
    client.arrivals_s.extend(number / 30 for number in range(180 * 30))
    client.ages_ms.extend([5.0] * len(client.arrivals_s))
    record.steady = [client]
    record.zero = {"wrong pictures": (0, 540)}
    return record


def failures(record: Record) -> list[str]:
    return [finding.what for finding in judged(record)[0] if not finding.good]


def test_a_quiet_soak_passes() -> None:
    assert failures(quiet_record()) == []


def test_each_kind_of_trouble_fails_by_its_own_name() -> None:
    record = quiet_record()
    record.zero["wrong pictures"] = (1, 540)
    record.left_behind = ["bench_x.ring"]
    record.steady[0].arrivals_s = record.steady[0].arrivals_s[:900]  # none after 30 s
    record.steady[0].ages_ms.extend([900.0] * 900)
    assert failures(record) == [
        "without live frames after video_kill",
        "age of frames",
        "wrong pictures",
        "left in /dev/shm",
    ]
