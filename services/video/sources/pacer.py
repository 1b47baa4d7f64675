"""Pacing for sources that have no clock of their own: files and the test pattern.

Every picture has a position in seconds and is due at a fixed offset from it, so that waiting a
little too long for one picture makes the wait for the next one shorter and nothing adds up.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.video.sources.source import Wait

__all__ = ["Pacer"]


class Pacer:
    """Turns positions into moments; one owner, not locked.

    Args:
        wait: Sleeps; may come back early when the service stops.
        clock: Steady clock, seconds.
    """

    def __init__(
        self, wait: Wait = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._wait = wait
        self._clock = clock
        self._zero_s = 0.0
        self._last_due_s = float("-inf")

    def start_at(self, position_s: float, gap_s: float = 0.0) -> None:
        """Make ``position_s`` due now, or ``gap_s`` after the last picture if that is later."""
        due_s = max(self._clock(), self._last_due_s + gap_s)
        self._zero_s = due_s - position_s

    def wait_until(self, position_s: float) -> float:
        """Wait until ``position_s`` is due.

        Returns:
            How late it was already, seconds; 0.0 when there was time to wait.
        """
        due_s = self._zero_s + position_s
        self._last_due_s = due_s
        remaining_s = due_s - self._clock()
        if remaining_s > 0:
            self._wait(remaining_s)
            return 0.0
        return -remaining_s
