"""What time it is at the origin of relayed frames: asked of the node that relays them to us.

It answers for its own origin, so that the estimates of a chain of nodes add up, doubts and all. The
asking has a connection and a thread of its own: the stream never waits for it.
"""

from __future__ import annotations

import http.client
import logging
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeGuard

from shared.clock_offset import Offset
from shared.errors import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.video.sources.upstream import Upstream

__all__ = ["OriginClock"]

log = logging.getLogger(__name__)

_EXCHANGES: Final = 5
_EVERY_S: Final = 10.0
_AGAIN_S: Final = 0.5
_TIMEOUT_S: Final = 1.0
_FURTHEST_US: Final = 2**62
_NO_ANSWER: Final = (SourceUnavailable, OSError, http.client.HTTPException)


class OriginClock:
    """Knows the difference between our ``CLOCK_MONOTONIC`` and the origin's wall clock.

    Args:
        upstream: Who is asked.
        clock_ns: Our clock; the seam where tests put one of theirs.

    Attributes:
        reason: Why the other node shows a blank, as it said last; empty: it said nothing.
    """

    def __init__(self, upstream: Upstream, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.reason = ""
        self._upstream = upstream
        self._clock_ns = clock_ns
        self._known: tuple[Offset, float] | None = None  # and when it was known, our milliseconds
        self._due = threading.Event()
        self._stopping = threading.Event()

    def offset(self) -> Offset | None:
        """How much later it is by our clock, as of now; None: not known yet."""
        known = self._known
        return None if known is None else known[0].aged(self._now_ms() - known[1])

    def begin(self) -> None:
        """Ask once, then again and again in a thread, until ``end``."""
        self.end()
        self._stopping = threading.Event()
        if self._known is None:
            self._ask(1)
        threading.Thread(
            target=self._run, args=(self._stopping,), name="origin-clock", daemon=True
        ).start()

    def ask_soon(self) -> None:
        """Something does not fit, or a reason is wanted: do not wait for the next time."""
        self._due.set()

    def forget(self) -> None:
        """The frames come from another origin now."""
        self._known = None

    def end(self) -> None:
        """Stop to ask; what is known stays. Again is harmless."""
        self._stopping.set()
        self._due.set()

    def _now_ms(self) -> float:
        return self._clock_ns() / 1e6

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            self._due.clear()
            answered = self._ask(_EXCHANGES)
            if stopping.wait(_AGAIN_S):
                return
            if answered:
                self._due.wait(_EVERY_S)

    def _ask(self, exchanges: int) -> bool:
        """Have some exchanges over one connection; whether any told the time."""
        found: Offset | None = None
        try:
            connection = self._upstream.connect(_TIMEOUT_S)
            try:
                for _ in range(exchanges):
                    one = self._exchange(connection)
                    found = one if found is None else one.narrowed(found)
            finally:
                connection.close()
        except (*_NO_ANSWER, ValueError, TypeError) as error:
            log.debug("the clock of %s: %s", self._upstream.place, error)
        if found is None:
            return False
        earlier = self.offset()
        self._known = (found if earlier is None else found.narrowed(earlier), self._now_ms())
        return True

    def _exchange(self, connection: http.client.HTTPConnection) -> Offset:
        """Ask what time it is.

        Raises:
            ValueError, TypeError: The answer is none.
        """
        sent_ms = self._now_ms()
        connected = connection.sock
        response = self._upstream.ask(connection, self._upstream.clock_path())
        if response.status != HTTPStatus.OK:
            raise ValueError(self._upstream.refusal(response, connected))
        told = self._upstream.small_document(response, connected)
        received_ms = self._now_ms()
        if not isinstance(told, dict):
            raise TypeError("its answer is no object")
        now_us, doubt_us = (told.get(name) for name in ("now_us", "doubt_us"))
        if not (_is_time(now_us) and _is_time(doubt_us)):
            raise ValueError("it tells no time")
        self.reason = str(told.get("reason", ""))
        return Offset.of_exchange(sent_ms, now_us / 1e3, received_ms, doubt_us / 1e3)


def _is_time(us: object) -> TypeGuard[int]:
    """Whether a value may be microseconds since 1970."""
    return type(us) is int and 0 <= us < _FURTHEST_US
