"""The newest frame of one camera, and those who wait for a newer one.

The subscriber offers, everybody else looks. Nothing is queued: who comes late sees the newest frame
and not the ones before it. One worker, one hub, so no locks.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

from gevent.event import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.frame import FrameInfo, MonotonicNs

__all__ = ["Feed"]

_RATE_WINDOW_NS: Final = 2_000_000_000
_LOOK_UP_S: Final = 0.25


class Feed:
    """Newest frame of one camera.

    Args:
        clock_ns: ``CLOCK_MONOTONIC`` in nanoseconds; replaced in tests.
        turned: Told of the first picture after blanks, of the first blank after pictures, and of
            the first frame of each life.

    Attributes:
        newest: The newest frame; None: there is none yet.
        earlier: The last frame of the epoch before; None: there was none.
        awaited: Set while anybody waits for a newer one.
    """

    def __init__(
        self,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        turned: Callable[[FrameInfo], None] = lambda _: None,
    ) -> None:
        self._clock_ns = clock_ns
        self._turned = turned
        self._waiters: set[Event] = set()
        self._recent: deque[FrameInfo] = deque()
        self.newest: FrameInfo | None = None
        self.earlier: FrameInfo | None = None
        self.awaited = Event()

    def offer(self, info: FrameInfo) -> bool:
        """Make ``info`` the newest frame and wake everybody, unless it is not newer.

        Numbers only grow within an epoch; another epoch is always newer, because the subscriber
        never goes back to an ended one.

        Returns:
            Whether it was newer.
        """
        newest = self.newest
        if newest is not None and newest.epoch == info.epoch and info.sequence <= newest.sequence:
            return False
        if newest is not None and newest.online != info.online:
            self._recent.clear()  # the rate of blanks says nothing about the source
        if newest is None or (newest.epoch, newest.online) != (info.epoch, info.online):
            self._turned(info)
        if newest is not None and newest.epoch != info.epoch:
            self.earlier = newest
        self.newest = info
        self._recent.append(info)
        self._forget()
        self.wake()
        return True

    def wake(self) -> None:
        """Wake everybody, to look at more than the newest frame (loss, drain)."""
        for waiter in self._waiters:
            waiter.set()

    def join(self, waiter: Event) -> None:
        """Set ``waiter`` at every new frame until ``leave``."""
        self._waiters.add(waiter)
        self.awaited.set()

    def leave(self, waiter: Event) -> None:
        """Stop setting ``waiter``."""
        self._waiters.discard(waiter)
        if not self._waiters:
            self.awaited.clear()

    def wait_newer(
        self,
        captured_after: MonotonicNs,
        timeout_s: float,
        acceptable: Callable[[], bool] = lambda: True,
        pointless: Callable[[], bool] = lambda: False,
    ) -> FrameInfo | None:
        """Wait for a frame captured after a point in time.

        Args:
            captured_after: The point, ``CLOCK_MONOTONIC`` nanoseconds; 0 takes any frame.
            timeout_s: How long to wait at most.
            acceptable: Asked as well at every wake-up; while it says no, waiting goes on.
            pointless: Asked every 250 ms; once it says yes, waiting is over.

        Returns:
            The frame, or None: nothing newer in time, or waiting became pointless.
        """
        waiter = Event()
        self.join(waiter)
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                newest = self.newest
                if newest is not None and newest.captured_at > captured_after and acceptable():
                    return newest
                remaining_s = deadline - time.monotonic()
                if remaining_s <= 0 or pointless():
                    return None
                waiter.wait(min(remaining_s, _LOOK_UP_S))
                waiter.clear()
        finally:
            self.leave(waiter)

    def fps(self) -> float:
        """Frames per second of the source over the last two seconds.

        Counted by the frames' own numbers and capture times, so frames this worker never looked at
        count too. 0.0 until two frames are known.
        """
        self._forget()
        if len(self._recent) < 2:  # noqa: PLR2004 - a rate needs two
            return 0.0
        first, last = self._recent[0], self._recent[-1]
        if first.epoch != last.epoch or last.captured_at <= first.captured_at:
            return 0.0
        return (last.sequence - first.sequence) * 1e9 / (last.captured_at - first.captured_at)

    def age_ms(self) -> float | None:
        """How long ago the newest frame was captured, milliseconds; None: there is none."""
        if self.newest is None:
            return None
        return (self._clock_ns() - self.newest.captured_at) / 1e6

    def _forget(self) -> None:
        """Drop what is outside the rate's window or of an ended epoch."""
        horizon = self._clock_ns() - _RATE_WINDOW_NS
        recent = self._recent
        while recent and (recent[0].captured_at < horizon or recent[0].epoch != recent[-1].epoch):
            recent.popleft()
