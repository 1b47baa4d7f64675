"""How full the file system is that holds the rings."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Room"]

_KEPT_S: Final = 1.0


class Room:
    """Looks at a directory's file system, at most once a second.

    Args:
        directory: On it.
        clock: A steady clock, seconds.
    """

    def __init__(self, directory: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._clock = clock
        self._looked_at = float("-inf")
        self._sizes: dict[str, int | None] = {}

    def sizes(self) -> dict[str, int | None]:
        """``total``, ``used`` and ``free`` for us, bytes; None: there is no such directory."""
        now = self._clock()
        if now - self._looked_at >= _KEPT_S:
            self._looked_at = now
            self._sizes = self._look()
        return self._sizes

    def _look(self) -> dict[str, int | None]:
        try:
            found = os.statvfs(self._directory)
        except OSError:
            return dict.fromkeys(("total", "used", "free"))
        return {
            "total": found.f_blocks * found.f_frsize,
            "used": (found.f_blocks - found.f_bfree) * found.f_frsize,
            "free": found.f_bavail * found.f_frsize,
        }
