"""What is done to the services during a soak, when, and how.

The order of events is always the same. The first five are one of each kind, so that three minutes
see every kind, the API's first: what a restart of the Video Module leaves behind in a worker shows
in workers that live to the end. After them the Video Module is restarted or paused most of the
time, and every fourth event kills a worker, always the younger one. Reloads, which replace every
worker, happen in the first third only: memory that grows slowly shows in a process that grows old,
and from then on one worker lives to the end, through every further restart of the Video Module.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from benchmarks.processes import Services

__all__ = ["KINDS", "PAUSE_S", "Event", "Faults", "schedule"]

KINDS: Final = {
    "video_term": "Video Module ended (SIGTERM) and started",
    "video_kill": "Video Module killed and started",
    "video_pause": "Video Module paused for 3 s",
    "worker_kill": "API worker killed",
    "reload": "API reloaded (SIGHUP)",
}
"""Kind of event and what the plot's legend says."""
PAUSE_S: Final = 3.0
_OPENING: Final = ("reload", "worker_kill", "video_term", "video_pause", "video_kill")
_CYCLE: Final = ("video_pause", "video_term", "video_kill", "worker_kill")
_RELOADS: Final = 1 / 3
_RELOAD_EVERY: Final = 4
_SHORTEST_PERIOD_S, _LONGEST_PERIOD_S = 4.0, 75.0
_LONGEST_SETTLING_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is done to the services.

    Attributes:
        at_s: When, seconds from the start of the soak.
        kind: One of ``KINDS``.
    """

    at_s: float
    kind: str


def schedule(duration_s: float) -> list[Event]:
    """Plan a soak: what is done when.

    Nothing is done in the first tenth (a minute at most), and after the last event there is as long
    a rest as between two of them.
    """
    settling_s = min(_LONGEST_SETTLING_S, duration_s / 10)
    period_s = (duration_s - settling_s) / (len(_OPENING) + 1)
    period_s = min(_LONGEST_PERIOD_S, max(_SHORTEST_PERIOD_S, period_s))
    count = max(len(_OPENING), int((duration_s - settling_s) / period_s - 1e-9))
    events = []
    for number in range(count):
        at_s = settling_s + number * period_s
        turn = number - len(_OPENING)
        kind = _OPENING[number] if turn < 0 else _CYCLE[turn % len(_CYCLE)]
        if turn >= 0 and turn % _RELOAD_EVERY == 0 and at_s < _RELOADS * duration_s:
            kind = "reload"
        events.append(Event(round(at_s, 1), kind))
    return events


class Faults:
    """Does what is planned; to be asked often.

    Args:
        running: Whom to do it to.
        planned: In order of time.
        started_s: When the soak began, ``time.monotonic()``.

    Attributes:
        done: What was done, at the time when it was.
    """

    def __init__(self, running: Services, planned: list[Event], started_s: float) -> None:
        self.done: list[Event] = []
        self._running = running
        self._planned = list(planned)
        self._started_s = started_s
        self._resume_s: float | None = None

    def tend(self) -> None:
        """Do what is due."""
        now_s = time.monotonic() - self._started_s
        if self._resume_s is not None and now_s >= self._resume_s:
            self.resume()
        if self._planned and now_s >= self._planned[0].at_s and self._resume_s is None:
            kind = self._planned.pop(0).kind
            self.done.append(Event(round(now_s, 2), kind))
            self._do(kind, now_s)

    def resume(self) -> None:
        """Let a paused Video Module go on."""
        if self._resume_s is not None:
            self._running.module.process.send_signal(signal.SIGCONT)
            self._resume_s = None

    def _do(self, kind: str, now_s: float) -> None:
        module = self._running.module
        if kind == "video_term":
            module.restart(signal.SIGTERM)
        elif kind == "video_kill":
            module.restart(signal.SIGKILL)
        elif kind == "video_pause":
            module.process.send_signal(signal.SIGSTOP)
            self._resume_s = now_s + PAUSE_S
        elif kind == "worker_kill":
            self._youngest_worker().kill()
        else:
            psutil.Process(self._running.gunicorn).send_signal(signal.SIGHUP)

    def _youngest_worker(self) -> psutil.Process:
        workers = psutil.Process(self._running.gunicorn).children()
        return max(workers, key=lambda worker: (worker.create_time(), worker.pid))
