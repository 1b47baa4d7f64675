"""Pauses between two tries to open a source: longer and longer, and never the same for all."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Backoff"]

_STEADY_S: Final = 5.0
"""Pictures for so long make a source one that works."""
_JITTER: Final = 0.5
"""The share of a pause that chance decides."""


class Backoff:
    """Pauses between tries: at most ``initial_s``, doubled every time, never above ``max_s``.

    Each is shortened by chance, to no less than half: a hundred that lost the same server must not
    come back in the same moment.

    Args:
        initial_s: Longest first pause, seconds.
        max_s: Longest pause, seconds.
        chance: Gives numbers from 0 to 1, evenly.
    """

    def __init__(
        self, initial_s: float, max_s: float, chance: Callable[[], float] = random.random
    ) -> None:
        self._initial_s = initial_s
        self._max_s = max_s
        self._chance = chance
        self._next_s = initial_s
        self._pause_s = 0.0

    def next_pause_s(self) -> float:
        """How long to pause before the next try, seconds."""
        self._pause_s = min(self._next_s, self._max_s)
        self._next_s = self._pause_s * 2
        return self._pause_s * (1.0 - _JITTER * self._chance())

    def reset(self) -> None:
        """It works again: start over with the shortest pause."""
        self._next_s = self._initial_s

    def worked_for(self, lasted_s: float) -> None:
        """Start over if it worked for longer than it was paused for, and not for a moment only.

        A server that ends after every picture is asked less and less often that way.
        """
        if lasted_s > max(self._pause_s, _STEADY_S):
            self.reset()
