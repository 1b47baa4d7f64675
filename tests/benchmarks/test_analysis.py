"""Tests of benchmarks/analysis.py: findings from rows made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.analysis import cpu_slope, find, line_through, noise, quiet, slope, work_ms


def row(server: str, clients: int, cores: float, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "case": "clients",
        "server": server,
        "clients": clients,
        "workers": 1 if server == "ours" else 0,
        "cpu": {"api": cores},
        "elsewhere_cpu": 0.0,
        "groups": {"all": {"fps_median": 30.0}},
        "counters": {},
        **more,
    }


def test_the_slope_of_a_straight_line_is_its_rise() -> None:
    assert slope([(10, 1.0), (20, 2.0), (30, 3.0)]) == pytest.approx(0.1)


def test_one_number_of_clients_has_no_slope() -> None:
    assert slope([(10, 1.0), (10, 2.0)]) is None


def test_the_cost_of_a_client_is_taken_from_10_to_300_clients_of_one_worker() -> None:
    rows = [row("ours", n, 0.2 + 0.001 * n) for n in (10, 100, 300)]
    rows += [row("ours", 1, 9.0), row("ours", 500, 9.0), row("ours", 100, 9.0, workers=2)]
    assert cpu_slope(rows, "ours") == pytest.approx(0.001)


def test_a_server_does_not_get_cheaper_by_serving_less() -> None:
    half = {"all": {"fps_median": 15.0}}
    rows = [row("ours", n, 0.001 * n, groups=half) for n in (10, 100, 300)]
    assert cpu_slope(rows, "ours") == pytest.approx(0.002)


def test_points_on_a_line_leave_no_doubt_about_its_rise() -> None:
    rise, error = line_through([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)])
    assert rise == pytest.approx(2.0)
    assert error == pytest.approx(0.0)


def test_noise_is_the_spread_of_the_ideal_senders_repeats() -> None:
    rows = [row("ideal", 100, 0.9), row("ideal", 100, 1.1), row("ideal", 10, 5.0)]
    assert noise(rows) == pytest.approx(0.2)
    assert not quiet(rows)


def test_a_machine_where_others_work_is_not_quiet() -> None:
    assert quiet([row("ours", 1, 0.1)])
    assert not quiet([row("ours", 1, 0.1, elsewhere_cpu=0.5)])


def test_work_is_not_known_while_the_server_does_not_report_it() -> None:
    assert work_ms({"counters": {"encode_ms": 5.0, "encodes_per_s": 30.0}}) is None
    assert work_ms({"counters": {"source_ms": 2.0, "encodes_per_s": 30.0}}) is None


def test_work_without_an_encoder_is_the_sources() -> None:
    assert work_ms({"counters": {"source_ms": 2.0, "encodes_per_s": 0.0}}) == 2.0


def test_rows_are_found_by_case_server_and_number() -> None:
    rows = [row("ours", 1, 0.1), row("ours", 2, 0.1), row("ideal", 2, 0.1)]
    assert find(rows, "clients", "ours", clients=2) == [rows[1]]
