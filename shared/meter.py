"""Counting and complaining, kept apart: rates of events, and at most one complaint per interval."""

from __future__ import annotations

from collections import deque

__all__ = ["RateMeter", "Throttle"]


class RateMeter:
    """Events per second over a sliding window; one owner, not locked.

    Args:
        window_s: Length of the window in seconds.
    """

    def __init__(self, window_s: float = 2.0) -> None:
        self._window_s = window_s
        self._events: deque[tuple[float, int]] = deque()
        self._total = 0

    def tick(self, now_s: float, events: int = 1) -> None:
        """Count ``events`` that happened at ``now_s`` (any steady clock, seconds)."""
        self._events.append((now_s, events))
        self._total += events
        self._forget(now_s)

    def rate(self, now_s: float) -> float:
        """Events per second in the window before ``now_s``; 0.0 until two events were seen.

        Measured between the first and the last event in the window, so that 30 events per second
        read 30.0 and not 29.5 at the window's edge.
        """
        self._forget(now_s)
        min_events = 2
        if len(self._events) < min_events:
            return 0.0
        span_s = self._events[-1][0] - self._events[0][0]
        if span_s <= 0:
            return 0.0
        return (self._total - self._events[0][1]) / span_s

    def _forget(self, now_s: float) -> None:
        while self._events and self._events[0][0] < now_s - self._window_s:
            self._total -= self._events.popleft()[1]


class Throttle:
    """Says when a repeated complaint may be voiced, and how many were kept back.

    A flood of errors must never become a flood of log lines::

        if (withheld := throttle.ready(clock())) is not None:
            log.warning("notification refused (%d more withheld)", withheld)

    Args:
        interval_s: Least time between two complaints, seconds.
    """

    def __init__(self, interval_s: float = 1.0) -> None:
        self._interval_s = interval_s
        self._last_s: float | None = None
        self._withheld = 0

    def ready(self, now_s: float) -> int | None:
        """Ask to complain at ``now_s`` (any steady clock, seconds).

        Returns:
            How many complaints were withheld since the last one voiced, or None: not now.
        """
        if self._last_s is not None and now_s - self._last_s < self._interval_s:
            self._withheld += 1
            return None
        withheld, self._withheld = self._withheld, 0
        self._last_s = now_s
        return withheld
