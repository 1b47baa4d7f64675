"""Tests of benchmarks/verdicts.py: what is said of rows made by hand."""

from __future__ import annotations

from typing import Any

from benchmarks.verdicts import verdicts


def row(case: str, server: str = "ours", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    age = {"p50": 10.0, "p95": 11.0, "p99": 12.0, "max": 13.0, "count": 9}
    group = {"clients": 100, "fps_min": 30.0, "fps_median": 30.0, "age_ms": age}
    return {
        "case": case,
        "server": server,
        "clients": 100,
        "workers": 1,
        "groups": {"all": group},
        "cpu": {"video": 0.1, "api": 0.2},
        "private_mb": {"api": 100.0},
        "counters": {"encodes_per_s": 30.0, "encode_ms": 5.0, "source_ms": 2.0},
        **more,
    }


def word(rows: list[dict[str, Any]], target: str) -> str:
    (found,) = [verdict for verdict in verdicts(rows) if verdict.target.startswith(target)]
    return found.word


def test_nothing_measured_is_said_of_every_target_and_breaks_none() -> None:
    assert {verdict.met for verdict in verdicts([])} == {None}


def test_the_age_is_judged_without_the_work_nobody_can_avoid() -> None:
    target = "age minus decode and encode, 100"
    assert word([row("clients")], target) == "met"
    assert word([row("clients", counters={"source_ms": 1.0, "encode_ms": 1.0})], target) != "met"


def test_an_age_is_not_judged_while_the_work_is_not_reported() -> None:
    assert word([row("clients", counters={})], "age minus decode and encode, 100") == "not measured"


def test_a_worker_that_was_not_heard_leaves_the_encodes_unjudged() -> None:
    counters = {"encodes_per_s": 90.0, "workers_seen": 1.0}
    assert word([row("variants", workers=2, counters=counters)], "encodes") == "not measured"
    counters["workers_seen"] = 2.0
    assert word([row("variants", workers=2, counters=counters)], "encodes") == "met"


def test_encoding_in_every_worker_misses_the_target() -> None:
    counters = {"encodes_per_s": 180.0, "workers_seen": 2.0}
    assert word([row("variants", workers=2, counters=counters)], "encodes") == "**missed**"


def test_passthrough_with_an_encode_misses_the_target() -> None:
    counters = {"encodes_per_s": 30.0, "decodes_per_s": 0.0}
    assert word([row("passthrough", counters=counters)], "passthrough, 100 clients: work") != "met"


def test_a_row_without_frames_and_counters_is_judged_and_does_not_fail() -> None:
    nothing = {"clients": 100, "fps_min": 0.0, "fps_median": 0.0, "age_ms": None}
    rows = [row("beyond", groups={"all": nothing}), row("idle", groups={}, counters={})]
    assert word(rows, "beyond") == "**missed**"
    assert word(rows, "idle") == "**missed**"
