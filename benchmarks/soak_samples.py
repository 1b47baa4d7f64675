"""What is read of the services every few seconds: memory, files, threads, segments, counters.

A sample holds every process by itself, with its age, because a process that was replaced begins
anew; see ``soak_verdicts.py`` for what is made of it.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from benchmarks.meters import memory_mb, poll_workers, segment_mb
from benchmarks.soak_counters import Totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.processes import Services
    from benchmarks.soak_steady import SteadyClient

__all__ = ["LEVELS", "Process", "Sample", "Sampler", "columns", "percentile"]

LEVELS: Final = {
    "private_mb": "MB",
    "shared_mb": "MB",
    "fds": "descriptors",
    "threads": "threads",
    "ring_maps": "rings mapped",
}
"""What is read of each process, with its unit."""
_HUNDRED: Final = 100
_REST_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Process:
    """One process at one moment.

    Attributes:
        kind: video, worker or master.
        pid: Its id.
        age_s: Since it was started.
        private_mb: RssAnon + RssFile.
        shared_mb: RssShmem: what it has touched of rings and memory files.
        fds: Open descriptors.
        threads: Threads.
        ring_maps: Different rings it has mapped.
    """

    kind: str
    pid: int
    age_s: float
    private_mb: float
    shared_mb: float
    fds: int
    threads: int
    ring_maps: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything at one moment.

    Attributes:
        at_s: Since the soak began.
        clients: Of the crowd.
        fps: Live frames per second of each steady client since the sample before.
        ages_ms: Of those frames: median and 99th percentile; empty: there were none.
        processes: All of ours.
        shm_files: Files of the camera and its variants.
        shm_mb: What they take.
        counters: Of the status documents: sums over all workers there have been; the highest of
            those that say how things are now.
    """

    at_s: float
    clients: int
    fps: list[float]
    ages_ms: list[float]
    processes: list[Process]
    shm_files: int
    shm_mb: float
    counters: dict[str, float] = field(default_factory=dict)


class Sampler:
    """Reads everything, again and again.

    Args:
        running: The services.
        steady: The clients that are there all the time.
        started_s: When the soak began, ``time.monotonic()``.
    """

    def __init__(self, running: Services, steady: Sequence[SteadyClient], started_s: float) -> None:
        self._running, self._steady, self._started_s = running, steady, started_s
        self._totals = Totals()

    def sample(self, clients: int) -> Sample:
        """Read everything now; frame rates are since the last time."""
        polled = {pid: each.values for pid, each in poll_workers(self._running).items()}
        files = self._running.segment_files()
        now_s = time.monotonic()
        seen = [client.seen(now_s) for client in self._steady]
        ages_ms = sorted(age for one in seen for age in one.ages_ms)
        return Sample(
            at_s=round(now_s - self._started_s, 2),
            clients=clients,
            fps=[round(one.fps, 2) for one in seen],
            ages_ms=[round(percentile(ages_ms, p), 2) for p in (50, 99)] if ages_ms else [],
            processes=_processes(self._running),
            shm_files=len(files),
            shm_mb=round(segment_mb(self._running), 3),
            counters=self._totals.add(polled),
        )

    def _a_moment_later(self) -> Sample:
        time.sleep(0.3)
        return self.sample(0)

    def wait_for_workers(self) -> None:
        """Wait until every worker answers, so that clients are spread over all of them.

        Raises:
            TimeoutError: One does not.
        """
        deadline_s = time.monotonic() + _REST_S
        while len(poll_workers(self._running)) < self._running.workers:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"not all workers answered in {_REST_S:g} s")
            time.sleep(0.1)

    def rest(self) -> Sample:
        """Wait until nobody but the steady clients is there, all of them with frames; then read.

        Who is still there after half a minute is in the sample, as one of the crowd. Of a few
        samples it is the one with the fewest descriptors: parts on their way hold some, up to ten.
        """
        deadline_s = time.monotonic() + _REST_S
        while True:
            polled = poll_workers(self._running)
            present = sum(int(each.values.get("clients", 0)) for each in polled.values())
            seen = [client.seen(time.monotonic()) for client in self._steady]
            whole = len(polled) == self._running.workers
            if whole and present == len(self._steady) and all(one.ages_ms for one in seen):
                return min((self._a_moment_later() for _ in range(5)), key=_descriptors)
            if time.monotonic() > deadline_s:
                return self.sample(abs(present - len(self._steady)))
            time.sleep(1.0)


def _descriptors(sample: Sample) -> int:
    return sum(one.fds for one in sample.processes)


def _processes(running: Services) -> list[Process]:
    kinds = {running.video: "video", running.gunicorn: "master"}
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        kinds |= {pid: "worker" for pid in running.api_pids() if pid != running.gunicorn}
    for pid, kind in kinds.items():
        with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            found.append(_process(kind, pid, running.segment))
    return [one for one in found if one.private_mb > 0]  # without memory: it has just ended


def _process(kind: str, pid: int, segment: str) -> Process:
    process = psutil.Process(pid)
    private, shared = memory_mb([pid])
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
    rings = {line.split()[4] for line in maps.splitlines() if f"/{segment}" in line}
    return Process(
        kind=kind,
        pid=pid,
        age_s=round(time.time() - process.create_time(), 1),
        private_mb=round(private, 2),
        shared_mb=round(shared, 2),
        fds=process.num_fds(),
        threads=process.num_threads(),
        ring_maps=len(rings),
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The value that so many percent of a sorted series lie below; the nearest one there is."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / _HUNDRED))]


def columns(samples: Sequence[Sample], most: int) -> dict[str, list[float | None]]:
    """What is published and drawn: one list per series, at most ``most`` samples of them.

    Memory is that of the largest process of its kind, all else the sum over the kind.
    """
    step = -(-len(samples) // most)
    rows = [_row(sample) for sample in samples[::step]]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _row(sample: Sample) -> dict[str, float]:
    row: dict[str, float] = {"at_s": sample.at_s, "clients": sample.clients}
    if sample.fps:
        row |= {"fps_min": min(sample.fps), "fps_median": statistics.median(sample.fps)}
    row |= dict(zip(("age_p50_ms", "age_p99_ms"), sample.ages_ms, strict=False))
    for kind in dict.fromkeys(one.kind for one in sample.processes):
        ours = [asdict(one) for one in sample.processes if one.kind == kind]
        for key in LEVELS:
            values = [one[key] for one in ours]
            row[f"{kind}_{key}"] = max(values) if key.endswith("_mb") else sum(values)
    row |= {"shm_files": sample.shm_files, "shm_mb": sample.shm_mb}
    return row | {key: value for key, value in sample.counters.items() if key not in row}
