"""Tests of what benchmarks/relay_tree.py makes of its figures: hops, outages, words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.relay_faults import Outage, summary
from benchmarks.relay_phases import per_hop
from benchmarks.relay_report import draw_relays, relay_text
from benchmarks.report import RESULTS
from tests.support.relay_tree import PARENTS

if TYPE_CHECKING:
    from pathlib import Path


def ages(p50: float, p99: float) -> dict[str, Any]:
    return {"age_ms": {"p50": p50, "p99": p99}, "fps_min": 30.0}


def phase(name: str = "plain") -> dict[str, Any]:
    """The hop adds 1, 2, 3, 4 and 5 ms to the median, twice that to the 99th percentile."""
    nodes: dict[str, Any] = {"origin": {"own": ages(8.0, 9.0), "cpu": {"video": 0.1, "api": 0.2}}}
    for number, relay in enumerate(PARENTS, start=1):
        cpu = {"video": 0.01 * number, "api": 0.02}
        own, direct = ages(10.0 + number, 20.0 + 2 * number), ages(10.0, 20.0)
        nodes[relay] = {"own": own, "direct": direct, "cpu": cpu}
    return {"name": name, "nodes": nodes}


CROWD = {
    "node": "b",
    "clients": 41,
    "cpu": {"video": 0.02, "api": 0.06},
    "stream_mbit": 30.0,
    "cable_mbit": 31.5,
}


def test_a_hop_is_what_a_relay_adds_to_its_parent_over_the_same_cable() -> None:
    hop = per_hop(phase(), CROWD)
    assert hop["added_ms"] == {"p50": 3.0, "p99": 6.0}


def test_costs_are_those_of_leaves_and_of_each_client_more() -> None:
    hop = per_hop(phase(), CROWD)
    # b, c, d, e alone: 0.04, 0.05, 0.06, 0.07; with 40 more b takes 0.08
    assert hop["relay_cores"] == pytest.approx(0.055)
    assert hop["client_cores"] == pytest.approx(0.001)


def outage(kind: str, back_s: dict[str, float], others_gap_s: float) -> Outage:
    return Outage(kind, 4.0, back_s, 0.0, others_gap_s, 1)


def test_outages_are_summed_up_by_kind() -> None:
    found = [
        outage("cut", {"a": 0.5, "d": 0.7}, 0.1),
        outage("kill", {"a": 3.0}, 0.2),
        outage("cut", {"a": 0.9, "d": 0.6}, 0.3),
    ]
    cut, kill = summary(found)
    assert (cut["kind"], cut["times"], kill["kind"], kill["times"]) == ("cut", 2, "kill", 1)
    assert cut["back_s"] == {"p50": 0.7, "max": 0.9}
    assert (cut["others_gap_s"], cut["others_cut"]) == (0.3, 2)


@pytest.fixture
def document() -> dict[str, Any]:
    machine = {"cores": 2, "model": "none", "kernel": "6", "date": "today", "commit": "0"}
    return {
        "machine": {**machine, "load_average_at_start": 0.1},
        "source": "pattern://1280x720@30",
        "cable": {"delay_ms": 20, "loss_percent": 1, "rate_mbit": 100},
        "phases": [phase("plain"), phase("delay"), phase("delay and loss")],
        "crowd": CROWD,
        "transports": [{"control": "reno", "loss_percent": 0.1, "fps": 7.25, **ages(150.4, 219.0)}],
        "per_hop": per_hop(phase(), CROWD),
        "faults": summary([outage("cut", {"a": 0.5, "d": 2.7}, 0.1)]),
        "frames": {"compared": 1234, "wrong": 1, "backwards": 2},
        "clocks": {"a": {"clock_offset_ms": -0.4, "clock_uncertainty_ms": 20.0}},
        "took_s": 100.0,
    }


def test_the_text_says_what_was_found(document: dict[str, Any]) -> None:
    said = relay_text(document)
    for expected in (
        *("| 3.0 ms ", "| 2.70 s ", "| 0.00 s ", "1 of 1,234, 2 backwards", "1.05 x the payload"),
        "| 0.1 % | 7.2       | 150         | 219 |",
        *("1.00 millicores", "0.40 ms off at most, said to be within 20.0 ms"),
    ):
        assert expected in said


def test_the_picture_is_drawn_of_made_up_and_of_published_figures(
    document: dict[str, Any], tmp_path: Path
) -> None:
    published = json.loads((RESULTS.parent / "relay_tree.json").read_text(encoding="utf-8"))
    for number, figures in enumerate((document, published)):
        path = tmp_path / f"{number}.svg"
        draw_relays(figures, path)
        assert path.read_text(encoding="utf-8").startswith("<?xml")
