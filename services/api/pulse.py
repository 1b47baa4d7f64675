"""The worker's pulse: how late its hub is, and what happens once a second.

Everything in a worker takes turns on one hub. A greenlet that wants to wake every 50 ms notes how
much later it does: that is what a frame, a request or a new client waits beside its own work.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Final

import gevent

from shared.meter import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Lateness", "Pulse"]

log = logging.getLogger(__name__)

_BEAT_S: Final = 0.05
_WINDOW_S: Final = 60.0
_EVERY: Final = 20
"""Beats from one second's work to the next."""
_TOO_LATE_MS: Final = 250.0
_ENOUGH: Final = 200
"""Beats to be seen before anything is said: a start is no measure."""
_COMPLAIN_EVERY_S: Final = 300.0


class Lateness:
    """How late the beats of the last minute were, milliseconds."""

    def __init__(self) -> None:
        self._late_ms: deque[float] = deque(maxlen=int(_WINDOW_S / _BEAT_S))

    def note(self, late_s: float) -> None:
        """Take a beat into account that came so late, seconds."""
        self._late_ms.append(max(0.0, late_s) * 1000)

    def __len__(self) -> int:
        return len(self._late_ms)

    def summary(self) -> dict[str, float]:
        """Median, 99th percentile and worst of the last minute; all 0 before the first beat."""
        late = sorted(self._late_ms) or [0.0]
        places = {"p50": len(late) // 2, "p99": len(late) * 99 // 100, "max": len(late) - 1}
        return {name: round(late[place], 1) for name, place in places.items()}


class Pulse:
    """Beats in a greenlet from ``start`` to ``stop``.

    Args:
        every_second: Called about once a second; must not wait.

    Attributes:
        lateness: Of its beats.
    """

    def __init__(self, every_second: Callable[[], None]) -> None:
        self.lateness = Lateness()
        self._every_second = every_second
        self._complaint = Throttle(_COMPLAIN_EVERY_S)
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """End; again is harmless."""
        if self._greenlet is not None:
            self._greenlet.kill()
        self._greenlet = None

    def _run(self) -> None:
        beats = 0
        while True:
            due_s = time.monotonic() + _BEAT_S
            gevent.sleep(_BEAT_S)
            self.lateness.note(time.monotonic() - due_s)
            beats += 1
            if beats % _EVERY == 0:
                self._every_second()
                self._complain_if_late()

    def _complain_if_late(self) -> None:
        if len(self.lateness) < _ENOUGH:
            return
        p99_ms = self.lateness.summary()["p99"]
        if p99_ms < _TOO_LATE_MS or self._complaint.ready(time.monotonic()) is None:
            return
        log.warning(
            "this worker is late: one turn in a hundred waits %.0f ms or longer, and pictures and "
            "answers with it. It has too much to do, or the machine has: raise api.workers, lower "
            "api.limits.max_streams or max_variants, or give it more cores.",
            p99_ms,
        )
