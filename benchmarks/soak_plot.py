"""The picture of a soak: everything over the same time, with marks where something was done."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.ticker import StrMethodFormatter

from benchmarks.plots import STYLE, save
from benchmarks.soak_events import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from benchmarks.soak_events import Event

__all__ = ["draw_soak"]

_BLUE, _LIGHT, _GREEN, _RED, _GRAY = "#0b62a8", "#7fb2dc", "#5b8c2a", "#c4501b", "#888888"
_Dashes = Literal["-", "--", ":"]
_MARKS: Final[dict[str, tuple[str, _Dashes]]] = {
    "video_term": ("#0b62a8", "-"),
    "video_kill": ("#c4501b", "-"),
    "video_pause": ("#8a6d00", ":"),
    "worker_kill": ("#7a3f9d", "--"),
    "reload": ("#5b8c2a", "--"),
}
_PANELS: Final[tuple[tuple[str, str, dict[str, tuple[str, str]]], ...]] = (
    (
        "frames per second",
        "linear",
        {"fps_median": ("median steady client", _BLUE), "fps_min": ("slowest", _RED)},
    ),
    ("age (ms)", "log", {"age_p50_ms": ("p50", _BLUE), "age_p99_ms": ("p99", _RED)}),
    ("clients", "linear", {"clients": ("coming and going", _GRAY)}),
    (
        "private\nmemory (MB)",
        "linear",
        {
            "worker_private_mb": ("largest API worker", _BLUE),
            "video_private_mb": ("Video Module", _GREEN),
            "master_private_mb": ("gunicorn's master", _GRAY),
        },
    ),
    (
        "descriptors,\nthreads",
        "linear",
        {
            "worker_fds": ("descriptors, all workers", _BLUE),
            "worker_threads": ("threads, all workers", _LIGHT),
            "video_fds": ("descriptors, Video Module", _GREEN),
        },
    ),
    ("segments\n(MB)", "linear", {"shm_mb": ("camera and variants", _BLUE)}),
    ("files", "linear", {"shm_files": ("files of them", _BLUE)}),
    (
        "since the start",
        "symlog",
        {
            "sent": ("parts sent", _BLUE),
            "dropped": ("dropped", _RED),
            "skipped": ("skipped", _LIGHT),
            "repeated": ("repeated", _GREEN),
            "overwritten": ("overwritten", "#7a3f9d"),
            "encode_errors": ("encode errors", "black"),
        },
    ),
)
"""Label of the axis, its scale, and the series by name with their place in the legend and color."""
_MINUTE_S: Final = 60


def draw_soak(
    columns: Mapping[str, Sequence[float | None]], events: Sequence[Event], path: Path
) -> None:
    """Draw all series over time.

    Args:
        columns: As ``soak_samples.columns`` makes them.
        events: What was done when.
        path: Of the SVG file.
    """
    minutes = [(at_s or 0.0) / _MINUTE_S for at_s in columns["at_s"]]
    style: dict[Any, Any] = {**STYLE, "font.size": 9, "lines.linewidth": 1.2}
    with mpl.rc_context(style):
        figure, panels = plt.subplots(
            len(_PANELS), sharex=True, figsize=(9.0, 12.0), layout="constrained"
        )
        for axes, (label, scale, series) in zip(panels, _PANELS, strict=True):
            for name, (words, color) in series.items():
                if name in columns:
                    axes.plot(minutes, _gaps(columns[name]), color=color, label=words)
            axes.set_ylabel(label)
            _scale(axes, scale)
            _mark(axes, events)
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
        panels[-1].set(xlabel="time (minutes)", xlim=(0, max(minutes)))
        panels[0].set_title("Clients come and go, services are ended, killed, paused and reloaded")
        handles = [
            Line2D([], [], color=color, linestyle=dashes, label=KINDS[kind])
            for kind, (color, dashes) in _MARKS.items()
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8)
        save(figure, path)


def _gaps(values: Sequence[float | None]) -> list[float]:
    """Where nothing was measured the line has a gap."""
    return [math.nan if value is None else value for value in values]


def _scale(axes: Axes, scale: str) -> None:
    if scale == "log":
        axes.set_yscale("log")
        axes.set_ylim(1, 1000)
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    elif scale == "symlog":
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(0, None)
    else:
        axes.set_ylim(0, None)


def _mark(axes: Axes, events: Sequence[Event]) -> None:
    for event in events:
        color, dashes = _MARKS[event.kind]
        axes.axvline(
            event.at_s / _MINUTE_S, color=color, linestyle=dashes, linewidth=0.8, alpha=0.6
        )
