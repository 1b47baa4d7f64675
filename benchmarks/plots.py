"""The pictures people look at: CPU, age and frame rate by number of clients, as SVG."""

from __future__ import annotations

import statistics
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from benchmarks.analysis import Row, cpu_total, find, main_group

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["STYLE", "draw_all", "save"]

_SERVERS: Final = {
    "ours": ("Ringcast", "#0b62a8", "o"),
    "ideal": ("ideal sender (bare C loop)", "#5b8c2a", "s"),
    "tutorial": ("Flask tutorial (one encode per client)", "#c4501b", "^"),
}
"""Name in the legend, color, marker."""
STYLE: Final[dict[Any, Any]] = {
    "figure.figsize": (7.0, 4.4),
    "figure.facecolor": "white",
    "font.size": 11,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "svg.hashsalt": "ringcast",
}


def draw_all(rows: list[Row], folder: Path) -> list[Path]:
    """Draw what the rows allow; returns the files written."""
    drawings: dict[str, Callable[[Axes, list[Row]], None]] = {
        "cpu": _cpu,
        "age": _age,
        "fps": _fps,
    }
    written = []
    with mpl.rc_context(STYLE):
        for name, draw in drawings.items():
            figure, axes = plt.subplots(layout="constrained")
            draw(axes, rows)
            _clients_axis(axes, rows, logarithmic=name != "cpu")
            figure.legend(loc="outside lower center", ncols=2)
            written.append(folder / f"{name}.svg")
            save(figure, written[-1])
    return written


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG without the date, so that the same figures give the same file."""
    figure.savefig(path, metadata={"Date": None})
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")
    plt.close(figure)


def _cpu(axes: Axes, rows: list[Row]) -> None:
    for server in _SERVERS:
        _line(axes, rows, server, cpu_total)
    axes.set(ylabel="CPU of the server (cores)", ylim=(0, None), title="What clients cost")


def _fps(axes: Axes, rows: list[Row]) -> None:
    for server in _SERVERS:
        _line(axes, rows, server, lambda row: float(main_group(row)["fps_min"]))
    title = "What the slowest client gets of 30 frames per second"
    axes.set(ylabel="frames per second", ylim=(0, 32), title=title)


def _age(axes: Axes, rows: list[Row]) -> None:
    shades = (("p50", "#0b62a8", "-"), ("p95", "#4f94cd", "--"), ("p99", "#9dc3e6", ":"))
    for percentile, color, dashes in shades:
        points = _points(rows, "ours", partial(_age_of, percentile))
        label = f"Ringcast {percentile}"
        axes.plot(*points, color=color, linestyle=dashes, marker="o", label=label)
    name, color, marker = _SERVERS["ideal"]
    points = _points(rows, "ideal", partial(_age_of, "p50"))
    axes.plot(*points, color=color, marker=marker, label=f"{name} p50, no encoder")
    title = "How old a frame is when its last byte has arrived"
    axes.set(ylabel="age (ms, from capture)", yscale="log", title=title)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _line(axes: Axes, rows: list[Row], server: str, value: Callable[[Row], float]) -> None:
    label, color, marker = _SERVERS[server]
    axes.plot(*_points(rows, server, value), color=color, marker=marker, label=label)


def _points(
    rows: list[Row], server: str, value: Callable[[Row], float]
) -> tuple[list[int], list[float]]:
    """Number of clients and the mean of what was measured for it."""
    by_clients: dict[int, list[float]] = {}
    for row in find(rows, "clients", server):
        if main_group(row)["age_ms"] is not None:
            by_clients.setdefault(row["clients"], []).append(value(row))
    clients = sorted(by_clients)
    return clients, [statistics.mean(by_clients[count]) for count in clients]


def _age_of(percentile: str, row: Row) -> float:
    age: dict[str, Any] = main_group(row)["age_ms"]
    return float(age[percentile])


def _clients_axis(axes: Axes, rows: list[Row], *, logarithmic: bool) -> None:
    if not logarithmic:  # so that a constant cost per client is a straight line
        axes.set(xlim=(0, None), xlabel="clients (1080p30; the last with two workers)")
        return
    ticks = sorted({row["clients"] for row in find(rows, "clients")})
    axes.set(xscale="log", xlabel="clients (1080p30, logarithmic; the last with two workers)")
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
