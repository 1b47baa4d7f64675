"""Tests of benchmarks/scale_plan.py: every figure calculated by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.scale_plan import Inputs, Measured, NonsenseError, capacity, plan, read_measured

EASY = Inputs(
    viewers=100,
    frame_bytes=144_800.0,  # 100 packets of 1448: 153,800 bytes on the wire
    fps=25.0,  # 3,845,000 bytes/s = 30.76 Mbit/s
    client_cores=0.01,
    origin_cores=0.5,
    relay_cores=0.2,
    hop_ms=2.0,
    link_ms=20.0,
    cores=2,
    nic_gbit=10.0,
    utilisation=0.5,  # 1 core, 5,000 Mbit/s
    price_per_gb=0.1,
)


def test_a_stream_on_the_wire() -> None:
    assert EASY.stream_mbit == pytest.approx(30.76)


def test_what_a_node_can_feed_is_bound_by_what_ends_first() -> None:
    assert capacity(EASY, 0.2) == (80, "cores")  # 0.8 core left at 0.01
    assert capacity(EASY, 0.5) == (50, "cores")
    assert capacity(replace(EASY, nic_gbit=1.0), 0.2) == (16, "NIC")  # 500 / 30.76 = 16.25
    assert capacity(EASY, 5.0)[0] == 0


def test_few_viewers_need_no_relay() -> None:
    small = plan(replace(EASY, viewers=50))
    assert (small.levels, small.nodes, small.viewers_per_leaf) == (0, (1,), 50)
    assert small.total_cores == pytest.approx(1.0)  # 0.5 + 50 x 0.01
    assert small.leaf_cores == pytest.approx(1.0)
    assert small.added_ms == 0


def test_one_level() -> None:
    one = plan(replace(EASY, viewers=4000))
    assert (one.levels, one.nodes, one.per_node) == (1, (1, 50), 80)
    # 4000 viewers and 50 relays are 4050 streams: 40.5 cores, 50 relays 10, the origin 0.5
    assert one.total_cores == pytest.approx(51.0)
    assert one.total_gbit == pytest.approx(4050 * 30.76 / 1000)
    assert one.added_ms == pytest.approx(22.0)
    assert one.viewers_per_leaf == 80
    assert one.leaf_cores == pytest.approx(1.0)


def test_two_levels_as_soon_as_the_origin_cannot_feed_one() -> None:
    two = plan(replace(EASY, viewers=4001))  # 51 leaves, and the origin feeds 50
    assert (two.levels, two.nodes) == (2, (1, 1, 51))
    assert two.viewers_per_leaf == 79  # 4001 over 51: 78.45
    assert two.added_ms == pytest.approx(44.0)


def test_three_levels() -> None:
    three = plan(replace(EASY, viewers=400_000))
    # 400,000 / 80 = 5,000; / 80 = 62.5, so 63, more than 50; / 80, so 1
    assert three.nodes == (1, 1, 63, 5000)
    assert three.levels == 3
    streams = 400_000 + 5064
    assert three.total_cores == pytest.approx(0.5 + 5064 * 0.2 + streams * 0.01)


def test_every_stream_has_a_place() -> None:
    for viewers in (1, 51, 4001, 12_345, 400_001, 1_000_000):
        found = plan(replace(EASY, viewers=viewers))
        origin, *relays = found.nodes
        fed = [*relays, viewers]
        assert origin * 50 >= fed[0]
        assert all(above * 80 >= below for above, below in itertools.pairwise(fed))


def test_the_last_mile() -> None:
    paid = plan(EASY)
    # 3,845,000 bytes/s x 3,600 s = 13.842 GB; 100 viewers at 0.1 a GB
    assert paid.gb_per_viewer_hour == pytest.approx(13.842)
    assert paid.price_per_hour == pytest.approx(138.42)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("viewers", 0), ("viewers", -5), ("frame_bytes", 0.0), ("frame_bytes", math.nan)),
        *(("fps", 0.0), ("fps", 1e4), ("client_cores", 0.0), ("client_cores", -0.1)),
        *(("cores", 0), ("nic_gbit", 0.0), ("utilisation", 1.5), ("utilisation", 0.0)),
        *(("price_per_gb", -1.0), ("hop_ms", -1.0), ("link_ms", math.inf), ("relay_cores", -1.0)),
    ],
)
def test_nonsense_is_refused_by_name_and_range(name: str, value: float) -> None:
    with pytest.raises(NonsenseError, match=rf"^{name} is .*; it must be from .* to .*"):
        replace(EASY, **{name: value})  # type: ignore[arg-type]  # one field by its name


def test_a_tree_that_never_gets_wide_is_refused() -> None:
    with pytest.raises(NonsenseError, match=r"can feed 1 streams of 30.8 Mbit/s \(NIC bound it\)"):
        plan(replace(EASY, nic_gbit=0.1))


MEASURED = Measured(
    frame_bytes=200_000, fps=30, client_cores=0.0012, origin_cores=0.3, relay_cores=0.1, hop_ms=2
)


def test_clients_of_other_frames_cost_in_proportion_but_never_less_for_less_bytes() -> None:
    assert MEASURED.client_cores_of(200_000, 15) == pytest.approx(0.0006)
    assert MEASURED.client_cores_of(400_000, 30) == pytest.approx(0.0024)
    assert MEASURED.client_cores_of(50_000, 30) == pytest.approx(0.0012)


def bench_row(clients: int, api: float) -> dict[str, Any]:
    group = {"part_kb": 250.0, "fps_median": 30.0}
    row = {"case": "clients", "server": "ours", "clients": clients, "workers": 1}
    return {**row, "groups": {"all": group}, "cpu": {"video": 0.1, "api": api}}


TREE = {"per_hop": {"relay_cores": 0.12, "added_ms": {"p50": 1.5, "p99": 2.5}}}


def test_measured_inputs_come_from_the_files_of_results() -> None:
    rows = [bench_row(1, 0.2), bench_row(10, 0.21), bench_row(110, 0.31)]
    found = read_measured({"rows": rows}, TREE)
    assert found.client_cores == pytest.approx(0.001)  # 0.1 core for 100 clients more
    assert found.origin_cores == pytest.approx(0.3)
    assert (found.frame_bytes, found.relay_cores, found.hop_ms) == (250_000, 0.12, 1.5)


def test_files_without_these_rows_are_refused() -> None:
    with pytest.raises(NonsenseError, match="run make bench"):
        read_measured({"rows": [bench_row(1, 0.2)]}, TREE)
