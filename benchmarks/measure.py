"""One measurement: load on one server, its CPU, memory and counters; the result is a ``Row``."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.load import run_load
from benchmarks.meters import Counters, busy_cores_s, cpu_s, memory_mb, poll_workers, rates
from benchmarks.meters import segment_mb as size_of_segments

if TYPE_CHECKING:
    from benchmarks.load import Group
    from benchmarks.processes import Services

__all__ = ["Row", "Target", "idle", "measure", "summarize"]


@dataclass(frozen=True, slots=True)
class Target:
    """What is measured.

    Attributes:
        server: "ours", "ideal" or "tutorial".
        port: Where it listens.
        pids: Its processes by role; all of them count as its CPU.
        services: Ours, where it is ours: its counters are read too.
        host: Its address.
    """

    server: str
    port: int
    pids: dict[str, list[int]]
    services: Services | None = None
    host: str = "127.0.0.1"

    @classmethod
    def ours(cls, services: Services) -> Target:
        """Both services."""
        pids = {"video": [services.video], "api": services.api_pids()}
        return cls("ours", services.port, pids, services)


@dataclass(slots=True)
class Row:
    """One line of the tables; None is "not reported". Rates per second, times in ms, CPU in cores.

    Attributes:
        case: Which measurement: "clients", "slow", "idle" ...
        server: As in ``Target``.
        clients: Number of streams.
        workers: API workers, 0 for the others.
        groups: Per kind of client: see ``summarize``.
        cpu: By role, cores.
        client_cpu: Of the load client.
        elsewhere_cpu: What the rest of the machine used meanwhile: noise.
        private_mb: By role, without shared memory.
        shared_mb: Mapped shared memory by role.
        segment_mb: Files of the segments.
        counters: From ``meters.rates``.
        errors: Connections refused, closed by the server, answers and parts that were wrong.
        connected_s: How long until the last client had its first part.
    """

    case: str
    server: str
    clients: int
    workers: int
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    client_cpu: float = 0.0
    elsewhere_cpu: float = 0.0
    private_mb: dict[str, float] = field(default_factory=dict)
    shared_mb: dict[str, float] = field(default_factory=dict)
    segment_mb: float = 0.0
    counters: dict[str, float | None] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    connected_s: float = 0.0

    @property
    def main(self) -> dict[str, Any]:
        """The first kind of client."""
        return next(iter(self.groups.values()), {})

    def as_json(self) -> dict[str, Any]:
        """Plain data, rounded: digits nobody can measure only make differences."""
        document: dict[str, Any] = _rounded(asdict(self))
        return document


class _Window:
    """Reads everything at the two borders of a measurement."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._readings: list[tuple[float, float, dict[str, float]]] = []
        self._polls: list[dict[int, Counters]] = []
        self._memory: dict[str, tuple[float, float]] = {}

    def border(self) -> None:
        cpu = {role: cpu_s(pids) for role, pids in self._target.pids.items()}
        self._readings.append((time.monotonic(), busy_cores_s(), cpu))
        self._memory = {role: memory_mb(pids) for role, pids in self._target.pids.items()}
        self.poll()

    def poll(self) -> None:
        if self._target.services is not None:
            self._polls.append(poll_workers(self._target.services))

    def fill(self, row: Row) -> None:
        (began_s, busy_before, before), (ended_s, busy_after, after) = self._readings
        elapsed_s = ended_s - began_s
        row.cpu = {role: (after[role] - before[role]) / elapsed_s for role in after}
        busy = (busy_after - busy_before) / elapsed_s
        row.elsewhere_cpu = max(0.0, busy - sum(row.cpu.values()) - row.client_cpu)
        row.private_mb = {role: private for role, (private, _) in self._memory.items()}
        row.shared_mb = {role: shared for role, (_, shared) in self._memory.items()}
        if self._target.services is not None:
            row.segment_mb = size_of_segments(self._target.services)
            row.counters = rates(self._polls[0], self._polls[-1])


def measure(case: str, target: Target, groups: list[Group], warmup_s: float, seconds: float) -> Row:
    """Put load on a server and say what it did.

    Args:
        case: Name of the measurement.
        target: The server.
        groups: Its clients.
        warmup_s: Before the window, seconds.
        seconds: The window.

    Raises:
        RuntimeError: The load client failed.
    """
    window = _Window(target)
    said = run_load((target.host, target.port), groups, warmup_s, seconds, window.border)
    workers = target.services.workers if target.services else 0
    row = Row(case, target.server, sum(group.clients for group in groups), workers)
    row.client_cpu = said["cpu_cores"]
    row.connected_s = said["connected_s"]
    names = ("late", "closed_by_server", "connect_errors", "bad_answers", "bad_parts")
    row.errors = {name: said[name] for name in names if said[name]}
    row.groups = {group["name"]: summarize(group, said["window_s"]) for group in said["groups"]}
    window.fill(row)
    return row


def idle(target: Target, seconds: float) -> Row:
    """What the server does when nobody watches."""
    window = _Window(target)
    window.poll()
    window.border()
    time.sleep(seconds)
    window.border()
    row = Row("idle", target.server, 0, target.services.workers if target.services else 0)
    window.fill(row)
    return row


def summarize(group: dict[str, Any], window_s: float) -> dict[str, Any]:
    """One kind of client, from the load client's report.

    Args:
        group: As load_client.c prints it.
        window_s: Length of the measured window.

    Returns:
        fps_min, fps_median, fps_max over the clients; gb_per_s; part_kb; skipped, repeats and
        blanks, summed; age_ms, age_first_ms and gap_ms as p1, p50, p95, p99 and max; steps: how
        often a frame's number was so much higher than the one before; quality: the last
        ``X-Quality`` of the clients.
    """
    fps = [frames / window_s for frames in group["frames"]]
    arrived = sum(group["frames"]) + sum(group["repeats"]) + sum(group["blanks"])
    return {
        "clients": group["clients"],
        "rate": group["rate"],
        "fps_min": min(fps),
        "fps_median": statistics.median(fps),
        "fps_max": max(fps),
        "gb_per_s": sum(group["bytes"]) / window_s / 1e9,
        "part_kb": sum(group["bytes"]) / max(1, arrived) / 1e3,
        "skipped": sum(group["skipped"]),
        "repeats": sum(group["repeats"]),
        "blanks": sum(group["blanks"]),
        "age_ms": group["age_ms"],
        "age_first_ms": group["age_first_ms"],
        "gap_ms": group["gap_ms"],
        "steps": {str(step): n for step, n in enumerate(group["number_steps"]) if n},
        "quality": sorted({value for value in group["quality"] if value}),
    }


def _rounded(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return value
