# ruff: noqa: PLR2004 - the limits of the targets read best beside their sentences
"""The verdict on each target of the issue ("Faster than the C servers", section 2); no I/O."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.analysis import cpu_slope, cpu_total, find, main_group, memory_slope_kb, work_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.analysis import Row

__all__ = ["Verdict", "verdicts"]

REFERENCE_PASSTHROUGH_CORES: Final = 0.31
"""mjpg-streamer, passthrough, 100 clients of such a clip on the machine the targets were set on."""
_BOUNDED_AGE_MS: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target of the issue.

    Attributes:
        target: What is asked for.
        limit: In words.
        measured: In words; empty when it was not measured.
        met: None: not measured.
    """

    target: str
    limit: str
    measured: str
    met: bool | None

    @property
    def word(self) -> str:
        """For tables."""
        return {True: "met", False: "**missed**", None: "not measured"}[self.met]


def verdicts(rows: Sequence[Row]) -> list[Verdict]:
    """Every target of the issue's table, in its order; the one of an hour is soak.py's."""
    judges: tuple[Callable[[Sequence[Row]], list[Verdict]], ...] = (
        _on_cpu,
        _on_rates,
        _on_fairness,
        _on_encodes,
        _on_passthrough,
        _on_ages,
        _on_slow_clients,
        _on_memory,
        _on_pacing,
        _on_adaptive_quality,
    )
    return [verdict for judge in judges for verdict in judge(rows)]


def _judge(target: str, limit: str, measured: str | None, *, met: bool | None) -> Verdict:
    return Verdict(target, limit, measured or "", met if measured else None)


def _p99_ms(group: dict[str, Any]) -> float:
    """Age, ms; infinite where no frame came at all."""
    return float(group["age_ms"]["p99"]) if group["age_ms"] else math.inf


def _on_cpu(rows: Sequence[Row]) -> list[Verdict]:
    ours, ideal = cpu_slope(rows, "ours"), cpu_slope(rows, "ideal")
    ratio = ours / ideal if ours is not None and ideal else None
    text = None
    if ratio is not None and ours is not None and ideal is not None:
        text = f"{ratio:.2f} x ({1000 * ours:.2f} against {1000 * ideal:.2f} millicores)"
    target = "extra CPU per client, slope from 10 to 300"
    return [_judge(target, "≤ 1.3 x the ideal sender's", text, met=bool(ratio and ratio <= 1.3))]


def _on_rates(rows: Sequence[Row]) -> list[Verdict]:
    found = []
    for clients, workers in ((300, 1), (500, 1), (1000, 2)):
        fps = [
            main_group(row)["fps_min"]
            for row in find(rows, "clients", clients=clients, workers=workers)
        ]
        plural = "s" if workers > 1 else ""
        target = f"{clients} clients, {workers} worker{plural}: slowest client"
        text = " / ".join(f"{value:.1f}" for value in fps) + " fps" if fps else None
        found.append(_judge(target, "≥ 29.5 fps", text, met=bool(fps and max(fps) >= 29.5)))
    return found


def _on_fairness(rows: Sequence[Row]) -> list[Verdict]:
    text, met = None, None
    for row in find(rows, "beyond"):
        group = main_group(row)
        ratio, p99 = group["fps_min"] / max(1e-9, group["fps_median"]), _p99_ms(group)
        text = (
            f"{ratio:.2f} x at {row['clients']} clients ({group['fps_median']:.1f} fps); "
            f"age p99 {p99:.0f} ms"
        )
        met = ratio >= 0.9 and p99 <= _BOUNDED_AGE_MS
    limit = "slowest ≥ 0.9 x median, age p99 ≤ 1 s"
    return [_judge("beyond saturation, 1 worker", limit, text, met=met)]


def _on_encodes(rows: Sequence[Row]) -> list[Verdict]:
    found = []
    for row in find(rows, "variants"):
        encodes = row["counters"].get("encodes_per_s")
        whole = row["counters"].get("workers_seen") == row["workers"] and encodes is not None
        text = f"{encodes:.0f} per second" if whole else None
        met = whole and 80 <= encodes <= 92
        target = f"encodes, 3 variants x {row['workers']} workers x {row['clients']} clients"
        found.append(_judge(target, "3 x 30 per second", text, met=met))
    for row in find(rows, "idle"):
        encodes, cores = row["counters"].get("encodes_per_s"), row["cpu"]["api"]
        said = "encodes not reported" if encodes is None else f"{encodes:g} encodes"
        text = f"{said}, api {100 * cores:.2f} % of a core"
        met = encodes == 0 and cores < 0.01
        found.append(_judge("idle, nobody watching", "0 encodes, api < 1 %", text, met=met))
    return found


def _on_passthrough(rows: Sequence[Row]) -> list[Verdict]:
    found = []
    for row in find(rows, "passthrough"):
        counters, cores = row["counters"], cpu_total(row)
        work = [counters.get(key) for key in ("encodes_per_s", "decodes_per_s")]
        said = ["not reported" if value is None else f"{value:.0f}" for value in work]
        met = None if None in work else work == [0, 0]
        text = f"{said[0]} encodes, {said[1]} decodes per second"
        found.append(Verdict("passthrough, 100 clients: work", "0 encodes, 0 decodes", text, met))
        ideal = [cpu_total(same) for same in find(rows, "clients", "ideal", clients=100)]
        beside = f" ({cores / statistics.mean(ideal):.2f} x the ideal sender)" if ideal else ""
        most = 1.3 * REFERENCE_PASSTHROUGH_CORES
        limit = f"≤ 1.3 x mjpg-streamer's {REFERENCE_PASSTHROUGH_CORES} = {most:.2f} core"
        text = f"{cores:.2f} core{beside}"
        target = "passthrough, 100 clients: api + video CPU"
        found.append(_judge(target, limit, text, met=cores <= most))
    return found


def _on_ages(rows: Sequence[Row]) -> list[Verdict]:
    found = []
    for clients, p50_most, p99_most in ((1, 2.5, 10.0), (100, 6.0, 25.0)):
        best: list[tuple[float, float, float]] = []
        for row in find(rows, "clients", clients=clients, workers=1):
            work, age = work_ms(row), main_group(row)["age_ms"]
            if work is not None and age is not None:
                best.append((age["p50"] - work, age["p99"] - work, work))
        text, met = None, None
        if best:
            p50, p99, work = min(best)
            text = f"{p50:.1f} / {p99:.1f} ms (after {work:.1f} ms of source and encoder)"
            met = p50 <= p50_most and p99 <= p99_most
        target = f"age minus decode and encode, {clients} client{'s' if clients > 1 else ''}"
        limit = f"p50 ≤ {p50_most:g} ms, p99 ≤ {p99_most:g} ms"
        found.append(_judge(target, limit, text, met=met))
    return found


def _on_slow_clients(rows: Sequence[Row]) -> list[Verdict]:
    found = []
    for row in find(rows, "slow"):
        fast, slow = row["groups"]["fast"], row["groups"]["slow"]
        ages = slow["age_first_ms"]
        text = f"{ages['max'] / 1000:.2f} s of {ages['count']} frames" if ages else None
        met = bool(ages and ages["max"] <= 1000)
        target = "clients reading 100 kB/s: oldest frame, transfer apart"
        found.append(_judge(target, "≤ 1 s", text, met=met))
        alone = [main_group(same) for same in find(rows, "clients", clients=fast["clients"])]
        beside = f" (alone {_p99_ms(alone[0]):.0f})" if alone else ""
        text = f"{fast['fps_min']:.1f} fps, age p99 {_p99_ms(fast):.0f} ms{beside}"
        met = fast["fps_min"] >= 29.5
        target = f"the {fast['clients']} others beside them"
        found.append(_judge(target, "notice nothing: ≥ 29.5 fps", text, met=met))
    return found


def _on_memory(rows: Sequence[Row]) -> list[Verdict]:
    kilobytes = memory_slope_kb(rows)
    text = f"{kilobytes:.0f} kB" if kilobytes is not None else None
    met = kilobytes is not None and kilobytes <= 200
    return [_judge("memory per extra client, in the worker", "≤ 200 kB", text, met=met)]


def _on_pacing(rows: Sequence[Row]) -> list[Verdict]:
    found = []
    for row in find(rows, "fps=20"):
        group = main_group(row)
        steps = sorted(int(step) for step in group["steps"])
        text = (
            f"{group['fps_min']:.2f} to {group['fps_max']:.2f} fps, "
            f"every {steps[0]} to {steps[-1]} frames"
            if steps
            else None
        )
        even = bool(steps) and steps[-1] - steps[0] <= 1
        met = even and group["fps_min"] >= 19.5 and group["fps_max"] <= 20.5
        limit = "20 ± 0.5 fps, gaps within one source interval"
        found.append(_judge("fps=20 of 30", limit, text, met=met))
    return found


def _on_adaptive_quality(rows: Sequence[Row]) -> list[Verdict]:
    target, limit = "quality=auto at a third of the bandwidth", "≥ 20 fps on a lower step"
    for row in find(rows, "adaptive"):
        group = main_group(row)
        text = f"{group['fps_min']:.1f} fps, step {', '.join(group['quality']) or 'unknown'}"
        return [_judge(target, limit, text, met=group["fps_min"] >= 20)]
    return [_judge(target, limit, None, met=None)]
