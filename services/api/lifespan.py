"""How long one stream may last: until it is of age, or its turn comes when the server leaves.

Behind a load balancer a stream stays where it began. Streams that end now and then and are asked
for again spread over the servers there are by then; ended one by one they do not come back all at
once.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AGED", "LEAVING", "Lifespan"]

AGED: Final = "it is as old as api.limits.max_stream_age_sec allows"
LEAVING: Final = "the server is shutting down"

_EARLIEST: Final = 0.9
_SPREAD: Final = 0.2
"""Of the age allowed: who came at the same moment does not end at the same one."""


class Lifespan:
    """Of one stream, from now on.

    Args:
        name: Of the stream, hexadecimal digits by chance: they decide which is its turn, so that
            all turns are taken about as often.
        turn: Says when a stream is to end because the server leaves, by the clock; infinite while
            it does not. It is given a number from 0 to 1: 0 ends first.
        max_age_s: ``api.limits.max_stream_age_sec``; 0: it may last for ever.
        clock: A steady clock, seconds.
    """

    __slots__ = ("_aged_at", "_share", "_turn")

    def __init__(
        self,
        name: str,
        turn: Callable[[float], float],
        max_age_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = int(name, 16) / 16 ** len(name)
        self._turn = turn
        age_s = max_age_s * (_EARLIEST + _SPREAD * self._share) if max_age_s else math.inf
        self._aged_at = clock() + age_s

    def end(self) -> tuple[float, str]:
        """When it is to end by the clock, as is known now, and why; infinite: not at all."""
        leaves_at = self._turn(self._share)
        return (self._aged_at, AGED) if self._aged_at < leaves_at else (leaves_at, LEAVING)

    def over(self, now_s: float) -> str:
        """Why it is to end now; empty: it is not."""
        at_s, why = self.end()
        return why if now_s >= at_s else ""
