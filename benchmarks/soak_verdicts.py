"""Flat, or it fails: what a soak's samples say; no I/O.

**Memory, descriptors, threads, rings mapped** are judged per kind of process. Processes are
replaced during a soak and begin anew, so one line through a sum over all of them would show the
replacements, not growth. Three things are asked instead:

1. *Does a process grow while it lives?* One least-squares slope for all lives of a kind, each life
   with a level of its own (analysis of covariance), after the first fifth of each life, 20 s at
   least, in which caches and first variants fill. Long lives weigh most, as they should: a life
   that is twice as long says eight times as much about a slope.
2. *Does each new process begin higher than the one before?* A line through the level that each life
   has reached at the same age, over the time at which it began.
3. *Does anything stay?* Descriptors, threads and rings when only the steady clients are there, at
   the end, against the beginning. The number of clients swings too much for a slope of these over
   minutes; at rest it is the same.

A slope is flat when it is less than 2 % of the mean in an hour, or less than its own uncertainty:
three standard errors (with two, a dozen slopes would give a false alarm in every fifth soak),
widened by what neighboring samples have in common (first-order autocorrelation, Bartlett's factor:
a crowd that is large now is large in five seconds too, and a plain error bar would take that for
independent evidence).

Where no life gives ten minutes of samples a slope per hour means nothing: filling an allocator's
pools for the first time is a slope too. Then the growth within the observed window itself has a
bound: 20 MB per process. The first "no signal" frame was seen to take 10 MB of a worker, once, and
a step in the middle of a short life makes a slope that overstates it by half; pools of a worker
that has just started take 3 to 6 MB. What minutes are to find, a picture kept per frame (40 MB per
minute and variant), exceeds it at once. What grows more slowly is for the hour.
"""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.analysis import line_through

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.soak_samples import Process, Sample

__all__ = ["Finding", "growth", "judged_processes", "judged_rest", "judged_segments"]

Life = list[tuple[float, float]]
"""One process: age or time in seconds, and the level."""

_FLAT: Final = 0.02
_DOUBT: Final = 3
"""Standard errors."""
_HOUR_S: Final = 3600.0
_SETTLING_SHARE, _SETTLING_S = 0.2, 20.0
_LONG_ENOUGH_S: Final = 600.0
_SHORT_BOUND: Final = {"private_mb": 20.0, "shared_mb": 20.0}
_FEWEST: Final = 5
"""Samples of a life, or lives, for a line to mean anything."""
_EQUAL_AGE_S: Final = (20.0, 40.0)
_LIVES_MB: Final = 2.0
"""What two starts of the same program differ by: addresses and the order of imports."""
_AT_REST: Final = {
    "clients": 0,
    "shm_files": 3,
    "shm_mb": 0.5,
    "ring_maps": 2,
    "master fds": 2,
    "video fds": 1,
    "worker fds": 16,
    "master threads": 0,
    "video threads": 0,
    "worker threads": 2,
}
"""What may be there more at the end. One variant, three files, may be between two clients. Workers
open some descriptors and threads on first use, and a variant that both have clients of takes some
in both. What a restart of the Video Module or a reload left behind each time would be more than
this after three minutes."""
_MOST_CORRELATED: Final = 0.95


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table.

    Attributes:
        what: Was judged.
        measured: The number, in words.
        allowed: The bound, in words.
        good: Whether it was kept.
    """

    what: str
    measured: str
    allowed: str
    good: bool

    @property
    def word(self) -> str:
        """For the table."""
        return "ok" if self.good else "**FAILED**"


@dataclass(frozen=True, slots=True)
class Growth:
    """A slope shared by several lives.

    Attributes:
        mean: Level over all samples.
        per_s: Rise per second.
        doubt_per_s: Three standard errors of it, widened for autocorrelation.
        span_s: Length of the longest life that is in it.
    """

    mean: float
    per_s: float
    doubt_per_s: float
    span_s: float


def growth(lives: Iterable[Life]) -> Growth | None:
    """One slope through all lives, each with a level of its own; None: too few samples."""
    centered: list[Life] = []
    levels: list[float] = []
    for life in map(_settled, lives):
        if len(life) >= _FEWEST:
            middle_s = statistics.fmean(at_s for at_s, _ in life)
            level = statistics.fmean(value for _, value in life)
            levels += [value for _, value in life]
            centered.append([(at_s - middle_s, value - level) for at_s, value in life])
    points = [point for life in centered for point in life]
    spread = sum(x * x for x, _ in points)
    if spread == 0:
        return None
    per_s = sum(x * y for x, y in points) / spread
    left = [[y - per_s * x for x, y in life] for life in centered]
    squares = sum(y * y for life in left for y in life)
    error = (squares / max(1, len(points) - len(centered) - 1) / spread) ** 0.5
    alike = sum(a * b for life in left for a, b in itertools.pairwise(life))
    correlation = min(_MOST_CORRELATED, max(0.0, alike / squares)) if squares else 0.0
    doubt = _DOUBT * error * ((1 + correlation) / (1 - correlation)) ** 0.5
    span_s = max(life[-1][0] - life[0][0] for life in centered)
    return Growth(statistics.fmean(levels), per_s, doubt, span_s)


def _settled(life: Life) -> Life:
    if not life:
        return life
    first_s, last_s = life[0][0], life[-1][0]
    from_s = first_s + max(_SETTLING_SHARE * (last_s - first_s), _SETTLING_S)
    return [point for point in life if point[0] >= from_s]


def judged_growth(what: str, lives: Iterable[Life], short_bound: float | None) -> Finding | None:
    """Say whether lives are flat; None: too little to say, and something else says it.

    Args:
        what: For the table.
        lives: Age and level of each.
        short_bound: Most that it may grow within the window when that is too short for a slope per
            hour; None: nothing is said then.
    """
    found = growth(lives)
    if found is None:
        return None
    if found.span_s >= _LONG_ENOUGH_S:
        per_hour, doubt = found.per_s * _HOUR_S, found.doubt_per_s * _HOUR_S
        allowed = max(_FLAT * found.mean, doubt)
        measured = f"{per_hour:+.2f} ± {doubt:.2f} per hour, mean {found.mean:.1f}"
        return Finding(what, measured, f"{allowed:.2f} per hour", per_hour <= allowed)
    if short_bound is None:
        return None
    rise = found.per_s * found.span_s
    measured = f"{rise:+.2f} in {found.span_s:.0f} s, mean {found.mean:.1f}"
    return Finding(what, measured, f"{short_bound:.0f} in the window", rise <= short_bound)


def judged_processes(samples: Sequence[Sample], keys: Iterable[str]) -> list[Finding]:
    """Judge each kind of process: growth within its lives, and from life to life."""
    by_pid: defaultdict[tuple[str, int], list[tuple[float, Process]]] = defaultdict(list)
    for sample in samples:
        for process in sample.processes:
            by_pid[process.kind, process.pid].append((sample.at_s, process))
    findings: list[Finding | None] = []
    for kind in dict.fromkeys(kind for kind, _ in by_pid):
        ours = [life for (its_kind, _), life in by_pid.items() if its_kind == kind]
        for key in keys:
            lives = [[(p.age_s, float(asdict(p)[key])) for _, p in life] for life in ours]
            findings.append(judged_growth(f"{kind}: {key}", lives, _SHORT_BOUND.get(key)))
        findings.append(_judged_starts(kind, ours))
    return [finding for finding in findings if finding is not None]


def _judged_starts(kind: str, lives: list[list[tuple[float, Process]]]) -> Finding | None:
    """Private memory at equal age, over the time at which each life began."""
    youngest_s, oldest_s = _EQUAL_AGE_S
    points = []
    for life in lives:
        same_age = [p.private_mb for _, p in life if youngest_s <= p.age_s <= oldest_s]
        if same_age:
            points.append((life[0][0] - life[0][1].age_s, statistics.median(same_age)))
    points.sort()
    if len(points) < _FEWEST or points[-1][0] - points[0][0] < _LONG_ENOUGH_S:
        return None
    rise, error = line_through(points)
    span_s = points[-1][0] - points[0][0]
    grown, doubt = rise * span_s, _DOUBT * error * span_s
    mean = statistics.fmean(level for _, level in points)
    allowed = max(_LIVES_MB, doubt)
    measured = f"{grown:+.2f} ± {doubt:.2f} over {len(points)} lives, mean {mean:.1f}"
    what = f"{kind}: private_mb at equal age"
    return Finding(what, measured, f"{allowed:.2f} in all", grown <= allowed)


def judged_segments(samples: Sequence[Sample]) -> list[Finding]:
    """Judge the files in the segments' directory over time."""
    found = [
        judged_growth("shm_mb", [[(one.at_s, one.shm_mb) for one in samples]], 2.0),
        judged_growth("shm_files", [[(one.at_s, float(one.shm_files)) for one in samples]], None),
    ]
    return [finding for finding in found if finding is not None]


def judged_rest(before: Sample, after: Sample) -> list[Finding]:
    """Compare both ends of the soak, when nobody but the steady clients was there."""
    findings = []
    for key, more in _AT_REST.items():
        first, last = _at_rest(before, key), _at_rest(after, key)
        measured = f"{first:g} before, {last:g} after"
        findings.append(Finding(f"at rest: {key}", measured, f"+{more:g}", last <= first + more))
    return findings


def _at_rest(sample: Sample, key: str) -> float:
    if hasattr(sample, key):
        return float(getattr(sample, key))
    kind, _, name = key.rpartition(" ")
    ours = [one for one in sample.processes if kind in {"", one.kind}]
    return float(sum(asdict(process)[name] for process in ours))
