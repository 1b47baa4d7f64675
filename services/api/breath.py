"""Lets all others of a worker go on: greenlets, and what sockets and timers have to say.

gevent changes greenlets only where one waits. Whoever does much without waiting for anything, sends
to hundreds or answers request upon request, takes a breath now and then.
"""

from __future__ import annotations

from typing import Final

import gevent

__all__ = ["breathe"]

_MOMENT_S: Final = 1e-9
"""Not 0: gevent lets 50 greenlets that sleep for 0 s go on before it looks at sockets and timers,
so notifications, finished encodings and new clients would wait until everybody is served."""


def breathe() -> None:
    """Wait for one turn of the hub."""
    gevent.sleep(_MOMENT_S)
