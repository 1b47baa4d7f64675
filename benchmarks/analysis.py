"""From rows to findings: slopes and noise; no I/O."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Row",
    "cpu_slope",
    "cpu_total",
    "find",
    "line_through",
    "main_group",
    "memory_slope_kb",
    "noise",
    "quiet",
    "slope",
    "work_ms",
]

Row = dict[str, Any]
"""A ``measure.Row`` as JSON."""
_SLOPE_FROM, _SLOPE_TO = 10, 300
_SOURCE_FPS: Final = 30.0
_TWO: Final = 2
"""Points of a line; workers that are more than one."""
_WORTH_COMPARING: Final = 100
"""Clients: the CPU of fewer is too little for its spread to say anything."""
_NOISE_LIMIT: Final = 0.10
_ELSEWHERE_LIMIT: Final = 0.15


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """Rise of a least-squares line; None for fewer than two different x."""
    if len({x for x, _ in points}) < _TWO:
        return None
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


def line_through(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Rise of a least-squares line and its standard error, per unit of x."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    rise, start = statistics.linear_regression(xs, ys)
    squares = sum((y - start - rise * x) ** 2 for x, y in points)
    spread = statistics.pvariance(xs) * len(xs)
    return rise, float((squares / max(1, len(xs) - _TWO) / spread) ** 0.5)


def find(rows: Sequence[Row], case: str, server: str = "ours", **wanted: int) -> list[Row]:
    """The rows of a case, in the order they were measured.

    Args:
        rows: All of them, as JSON.
        case: As in ``measure.Row``.
        server: Likewise.
        **wanted: Further fields, such as ``clients=100``.
    """
    return [
        row
        for row in rows
        if (row["case"], row["server"]) == (case, server)
        and all(row[key] == value for key, value in wanted.items())
    ]


def main_group(row: Row) -> dict[str, Any]:
    """The first kind of client of a row."""
    group: dict[str, Any] = next(iter(row["groups"].values()))
    return group


def cpu_total(row: Row) -> float:
    """CPU of all processes of the server, cores."""
    return float(sum(row["cpu"].values()))


def work_ms(row: Row) -> float | None:
    """Time no server can avoid: making the frame and encoding it, ms; None: not reported."""
    counters = row["counters"]
    source_ms, encode_ms = counters.get("source_ms"), counters.get("encode_ms")
    if source_ms is None or (encode_ms is None and counters.get("encodes_per_s") != 0):
        return None
    return float(source_ms) + float(encode_ms or 0.0)


def noise(rows: Sequence[Row]) -> float | None:
    """Largest relative spread of the ideal sender's CPU among its repeats of 100 and more."""
    spreads = []
    for clients in {row["clients"] for row in find(rows, "clients", "ideal")}:
        cores = [cpu_total(row) for row in find(rows, "clients", "ideal", clients=clients)]
        if clients >= _WORTH_COMPARING and len(cores) > 1:
            spreads.append((max(cores) - min(cores)) / statistics.mean(cores))
    return max(spreads) if spreads else None


def quiet(rows: Sequence[Row]) -> bool:
    """Whether the figures may be published: little else ran, and repeats agree."""
    elsewhere = statistics.median(row["elsewhere_cpu"] for row in rows) if rows else 0.0
    return elsewhere <= _ELSEWHERE_LIMIT and (noise(rows) or 0.0) <= _NOISE_LIMIT


def cpu_slope(rows: Sequence[Row], server: str) -> float | None:
    """Cores per client from 10 to 300 clients.

    A client that gets 15 of 30 frames per second counts as half a client: a server must not look
    cheaper for serving less.
    """
    points = []
    for row in find(rows, "clients", server):
        if _SLOPE_FROM <= row["clients"] <= _SLOPE_TO and row["workers"] < _TWO:
            served = row["clients"] * main_group(row)["fps_median"] / _SOURCE_FPS
            points.append((served, cpu_total(row)))
    return slope(points)


def memory_slope_kb(rows: Sequence[Row]) -> float | None:
    """Private memory of one worker per client, kB."""
    first: dict[int, float] = {}
    for row in find(rows, "clients", workers=1):
        first.setdefault(row["clients"], 1000 * row["private_mb"]["api"])
    return slope(list(first.items()))
