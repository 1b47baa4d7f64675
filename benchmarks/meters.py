"""CPU, memory and the services' own counters, read at the borders of a measurement."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.processes import Services

__all__ = ["Counters", "busy_cores_s", "cpu_s", "memory_mb", "poll_workers", "rates"]

_CPUCLOCK_SCHED: Final = 2
_TRIES_PER_WORKER: Final = 12
_POLL_TIMEOUT_S: Final = 2.0
_MB: Final = 1e6


def cpu_s(pids: Iterable[int]) -> float:
    """User and system seconds of some processes, all their threads, to the nanosecond.

    Source: clock_getcpuclockid(3): the clock of process p is ``(~p << 3) | CPUCLOCK_SCHED``.
    """
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):  # it has ended: its seconds are lost, not guessed
            total += time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    return total


def busy_cores_s() -> float:
    """Seconds in which a core of this machine was not idle, all processes together."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def memory_mb(pids: Iterable[int]) -> tuple[float, float]:
    """Private memory (RssAnon + RssFile) and shared memory mapped (RssShmem), MB, summed."""
    private = shared = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
            fields = dict(line.split(":", 1) for line in lines)
            kilobytes = {k: int(v.split()[0]) for k, v in fields.items() if k.startswith("Rss")}
            # who has ended and was not waited for yet has no memory, and no such lines
            private += 1024 * (kilobytes.get("RssAnon", 0) + kilobytes.get("RssFile", 0))
            shared += 1024 * kilobytes.get("RssShmem", 0)
    return private / _MB, shared / _MB


def segment_mb(services: Services) -> float:
    """Size of the camera's and its variants' segments on the tmpfs, MB."""
    total = 0
    for path in services.segment_files():
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_blocks * 512
    return total / _MB


@dataclass(frozen=True, slots=True)
class Counters:
    """One worker's status document.

    Attributes:
        taken_s: When it came, ``time.monotonic()``.
        values: The document; keys may be missing, which is "not reported", never 0.
    """

    taken_s: float
    values: dict[str, Any]


def poll_workers(services: Services) -> dict[int, Counters]:
    """Ask for the status until every worker has answered, or patience is over; by process id.

    Each connection stays open until all have answered: workers share the clients out evenly, so
    who has answered is soon ahead and leaves the next connection to the others.
    """
    found: dict[int, Counters] = {}
    with contextlib.ExitStack() as connections:
        for _ in range(_TRIES_PER_WORKER * services.workers):
            connection = http.client.HTTPConnection(
                "127.0.0.1", services.port, timeout=_POLL_TIMEOUT_S
            )
            connections.callback(connection.close)
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                connection.request("GET", "/stream/video/shm/status")
                document = json.loads(connection.getresponse().read())
                found[int(document.get("worker", 0))] = Counters(time.monotonic(), document)
            if len(found) >= services.workers:
                break
    return found


def rates(before: dict[int, Counters], after: dict[int, Counters]) -> dict[str, float | None]:
    """What all workers together did between two polls; None: not reported.

    Returns:
        encodes_per_s, decodes_per_s; encode_ms per encode; source_ms, the mean of the workers'.
    """
    both = [(before[pid], after[pid]) for pid in before if pid in after]

    def per_s(key: str) -> float | None:
        return _sum([_slope(key, first, second) for first, second in both])

    encodes, seconds = per_s("encoded"), per_s("encode_seconds")
    sources = [second.values.get("source_ms") for _, second in both]
    known = [float(value) for value in sources if value is not None]
    return {
        "workers_seen": float(len(both)),
        "encodes_per_s": encodes,
        "decodes_per_s": per_s("decoded"),
        "encode_ms": 1000 * seconds / encodes if encodes and seconds is not None else None,
        "source_ms": sum(known) / len(known) if known else None,
    }


def _slope(key: str, before: Counters, after: Counters) -> float | None:
    if key not in before.values or key not in after.values:
        return None
    change = float(after.values[key]) - float(before.values[key])
    return change / max(1e-9, after.taken_s - before.taken_s)


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
