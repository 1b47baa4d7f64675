"""What is told of the clients of many cameras."""

from __future__ import annotations

from benchmarks.cameras import clients_of


def test_clients_are_summed_up_by_the_worst_of_them() -> None:
    ages = {"count": 3, "p50": 1.0, "p95": 2.0, "p99": 3.0}
    report = {
        "window_s": 2.0,
        "cpu_cores": 0.1,
        "closed_by_server": 1,
        "connect_errors": 0,
        "bad_answers": 0,
        "bad_parts": 2,
        "groups": [
            {"frames": [60], "bytes": [500_000], "age_ms": ages},
            {"frames": [40], "bytes": [500_000], "age_ms": ages | {"p95": 9.0}},
            {"frames": [0], "bytes": [0], "age_ms": {"count": 0}},
        ],
    }
    assert clients_of(report) == {
        "fps_lowest": 0.0,
        "fps_mean": 16.67,
        "mbit_per_s": 4.0,
        "age_ms_worst": {"p50": 1.0, "p95": 9.0, "p99": 3.0},
        "faults": 3,
        "client_cores": 0.1,
    }
