"""Tests of benchmarks/soak_samples.py: series of samples."""

from __future__ import annotations

from benchmarks.soak_samples import Process, Sample, columns, percentile


def test_columns_hold_at_most_so_many_samples_and_say_where_nothing_was_measured() -> None:
    workers = [
        Process("worker", 1, 5.0, 80.0, 4.0, 30, 6, 3),
        Process("worker", 2, 5.0, 90.0, 5.0, 20, 6, 3),
    ]
    samples = [Sample(float(n), 3, [30.0, 20.0, 10.0], [], [], 12, 6.5) for n in range(9)]
    samples.append(Sample(9.0, 3, [30.0], [5.0, 9.0], workers, 12, 6.5, {"sent": 7.0}))
    found = columns(samples, 5)
    assert found["at_s"] == [0.0, 2.0, 4.0, 6.0, 8.0]
    assert found["fps_min"] == [10.0] * 5
    assert found["fps_median"] == [20.0] * 5
    whole = columns(samples, 500)
    assert whole["sent"] == [None] * 9 + [7.0]
    assert whole["worker_fds"][-1] == 50
    assert whole["worker_private_mb"][-1] == 90.0
    assert whole["age_p99_ms"][-1] == 9.0


def test_percentiles_are_values_that_came() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 3.0
    assert percentile([1.0], 99) == 1.0
