"""Tests of benchmarks/report.py: text in, text out."""

from __future__ import annotations

import pytest

from benchmarks.report import cells, filled, table

PAGE = "above\n<!-- bench:machine -->\nold\n<!-- bench:end -->\nbelow\n"


def test_figures_stand_between_their_markers_and_the_rest_stays() -> None:
    page = filled(PAGE, {"machine": "new"})
    assert page == "above\n<!-- bench:machine -->\n\nnew\n\n<!-- bench:end -->\nbelow\n"


def test_figures_can_be_written_again_and_again() -> None:
    once = filled(PAGE, {"machine": "new"})
    assert filled(once, {"machine": "new"}) == once


def test_a_missing_marker_is_an_error_not_a_silent_loss() -> None:
    with pytest.raises(ValueError, match="rows"):
        filled(PAGE, {"rows": "new"})


def test_a_table_is_as_wide_as_its_widest_cell() -> None:
    assert table(("a", "long"), [("wide", "b")]).splitlines() == [
        "| a    | long |",
        "| ---- | ---- |",
        "| wide | b    |",
    ]


def test_a_row_nobody_watched_says_so_instead_of_zero() -> None:
    row = {
        "case": "idle",
        "server": "ours",
        "clients": 0,
        "workers": 1,
        "groups": {},
        "cpu": {"video": 0.1, "api": 0.005},
        "client_cpu": 0.0,
        "elsewhere_cpu": 0.0,
        "private_mb": {"video": 100.0, "api": 90.0},
        "segment_mb": 50.0,
    }
    (line,) = cells(row)
    assert line[:8] == ["idle", "ours", "1", "0", "-", "-", "0.10", "0.005"]
