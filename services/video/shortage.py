"""Remembers that shared memory had no room for pictures of some size, and when to ask again.

To ask costs a look at the file system and a wait for readers, so it is not done with every picture.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from services.video.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.settings_schema import RetrySettings

__all__ = ["Shortage"]


class Shortage:
    """Used by the capture loop's thread.

    Args:
        retry: The ``video.retry`` settings.
        chance: Of the pauses, see ``Backoff``.
    """

    def __init__(self, retry: RetrySettings, chance: Callable[[], float] = random.random) -> None:
        self._backoff = Backoff(retry.initial_sec, retry.max_sec, chance)
        self._too_large_bytes: int | None = None
        self._retry_s = 0.0

    def begins(self, wanted_bytes: int, now_s: float) -> float:
        """There was no room for a frame; returns the pause until the next try, seconds."""
        pause_s = self._backoff.next_pause_s()
        self._too_large_bytes = wanted_bytes
        self._retry_s = now_s + pause_s
        return pause_s

    def forbids(self, size_bytes: int, now_s: float, *, fits: bool) -> bool:
        """Whether it is too early to try again with a picture.

        Args:
            size_bytes: Room that it needs.
            now_s: The clock ``begins`` was told, seconds.
            fits: Whether a slot as they are now can hold it.
        """
        tried = self._too_large_bytes
        if tried is None or now_s >= self._retry_s:
            return False
        return size_bytes >= tried or not fits

    def ends(self) -> None:
        """A picture is in the ring."""
        self._too_large_bytes = None
        self._backoff.reset()
