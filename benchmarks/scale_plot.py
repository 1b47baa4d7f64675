"""The picture of the model: nodes, cores and bandwidth by number of viewers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import StrMethodFormatter

from benchmarks.plots import STYLE, save
from benchmarks.scale_plan import plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.scale_plan import Inputs

__all__ = ["draw_scale"]

_COLORS: Final = ("#c4501b", "#0b62a8", "#5b8c2a", "#7a3f9d")
_STEPS: Final = 120
_LEAST, _MOST = 100, 100_000


def draw_scale(inputs: Inputs, nics_gbit: Sequence[float], path: Path) -> None:
    """Draw what the model says from 100 to 100,000 viewers.

    Args:
        inputs: But for viewers and network card.
        nics_gbit: One line each.
        path: Of the SVG file.
    """
    viewers = [round(_LEAST * (_MOST / _LEAST) ** (step / _STEPS)) for step in range(_STEPS + 1)]
    style: dict[Any, Any] = {**STYLE, "figure.figsize": (7.0, 8.4)}
    with mpl.rc_context(style):
        figure, (nodes, cores, traffic) = plt.subplots(3, sharex=True, layout="constrained")
        for nic_gbit, color in zip(nics_gbit, _COLORS, strict=False):
            plans = [plan(replace(inputs, viewers=n, nic_gbit=nic_gbit)) for n in viewers]
            label = f"nodes of {nic_gbit:g} Gbit/s and {inputs.cores:g} cores"
            nodes.plot(viewers, [sum(found.nodes) for found in plans], color=color, label=label)
            cores.plot(viewers, [found.total_cores for found in plans], color=color)
            traffic.plot(viewers, [found.total_gbit for found in plans], color=color)
        stream = f"{inputs.frame_bytes / 1e3:.0f} kB at {inputs.fps:g} fps"
        nodes.set(ylabel="nodes", title=f"A model: viewers of one stream, {stream}")
        cores.set(ylabel="cores used, all nodes")
        traffic.set(ylabel="Gbit/s sent, all nodes", xlabel="viewers (logarithmic)")
        for axes in (nodes, cores, traffic):
            axes.set(xscale="log", yscale="log")
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        figure.legend(loc="outside lower center", ncols=1)
        save(figure, path)
