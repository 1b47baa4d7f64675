"""Served, or it fails: what the steady clients of a soak and those who polled have seen; no I/O."""

from __future__ import annotations

import itertools
import statistics
from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from benchmarks.soak_events import PAUSE_S
from benchmarks.soak_samples import percentile
from benchmarks.soak_verdicts import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.soak_events import Event

__all__ = ["judged_ages", "judged_counts", "judged_outages", "judged_rates", "longest_gap_s"]

BACK_WITHIN_S: Final = 10.0
"""Longest without a live frame after an event: the API keeps a stream for so long without a Video
Module (``api.stream.video_loss_grace_sec``), and a start takes one or two seconds of it."""
AGE_P99_MS: Final = 500.0
"""Half a second is what people still call live."""
_RATE_SHARE: Final = 0.5
"""Of the source's frames; crowd, services and load clients share whatever cores there are."""


def longest_gap_s(arrivals_s: Sequence[float], from_s: float, until_s: float) -> float:
    """Longest time without an arrival that overlaps a window.

    Args:
        arrivals_s: In order.
        from_s: Begin of the window.
        until_s: Its end; nothing is known of what came later.
    """
    first, last = bisect_right(arrivals_s, from_s), bisect_right(arrivals_s, until_s)
    inside = list(arrivals_s[first:last])
    before = arrivals_s[first - 1] if first else from_s
    edges = [before, *inside, until_s]
    return max(later - earlier for earlier, later in itertools.pairwise(edges))


def judged_outages(
    clients: Sequence[Sequence[float]], events: Sequence[Event], end_s: float
) -> tuple[list[Finding], dict[str, list[float]]]:
    """Say how long steady clients were without live frames after each event.

    Args:
        clients: When the live frames of each came, seconds from the start.
        events: What was done when.
        end_s: When the soak ended.

    Returns:
        One finding per kind of event; the outages of all clients by kind, seconds.
    """
    outages: defaultdict[str, list[float]] = defaultdict(list)
    borders = [*(event.at_s for event in events[1:]), end_s]
    for event, until_s in zip(events, borders, strict=True):
        for arrivals_s in clients:
            outages[event.kind].append(longest_gap_s(arrivals_s, event.at_s, until_s))
    findings = []
    for kind, gaps in outages.items():
        gaps.sort()
        allowed_s = BACK_WITHIN_S + (PAUSE_S if kind == "video_pause" else 0.0)
        times = len(gaps) // max(1, len(clients))
        measured = f"p50 {percentile(gaps, 50):.2f} s, max {gaps[-1]:.2f} s ({times} times)"
        findings.append(
            Finding(
                f"without live frames after {kind}",
                measured,
                f"{allowed_s:g} s",
                gaps[-1] <= allowed_s,
            )
        )
    return findings, dict(outages)


def judged_ages(ages_ms: Sequence[float]) -> Finding:
    """Judge how old live frames were when their last byte had come."""
    if not ages_ms:
        return Finding("age of frames", "no frame came", f"p99 {AGE_P99_MS:g} ms", good=False)
    ordered = sorted(ages_ms)
    p99 = percentile(ordered, 99)
    measured = f"p50 {percentile(ordered, 50):.1f} ms, p99 {p99:.1f} ms, {len(ordered)} frames"
    return Finding("age of frames", measured, f"p99 {AGE_P99_MS:g} ms", p99 <= AGE_P99_MS)


def judged_rates(slowest_fps: Sequence[float], source_fps: float) -> Finding:
    """Judge the frame rate of the slowest steady client, sample by sample."""
    median = statistics.median(slowest_fps) if slowest_fps else 0.0
    least = _RATE_SHARE * source_fps
    what = "frames per second of the slowest steady client"
    return Finding(what, f"median {median:.1f}", f"{least:g} at least", median >= least)


def judged_counts(counts: dict[str, tuple[int, int]]) -> list[Finding]:
    """Judge what must be 0.

    Args:
        counts: What it is, how often it happened and how often it was looked for (0: not at all,
            which is no proof of anything).
    """
    return [
        Finding(what, f"{bad} of {looked}", "0, and looked for", bad == 0 and looked > 0)
        for what, (bad, looked) in counts.items()
    ]
