"""What goes out to one WebSocket client: message after message, never two mixed, and whose is next.

Several subscriptions share a connection. A picture is only sent while nothing of the one before is
left in this machine; those that had to wait meanwhile are served in the order in which they came.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from gevent.event import Event

from services.api.part import BytesPart

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.connection import Connection
    from services.api.part import Pieces

__all__ = ["Line", "Waiting"]

_WRITE_WAIT_S: Final = 0.25
_TURN_S: Final = 0.05
"""How long the line is kept for the one whose turn it is: its picture is being made, or it has gone
without having a newer one."""
_BACKLOG_BYTES: Final = 65_536


class Waiting(Protocol):
    """One that had something to send, but found the line busy."""

    def call(self) -> None:
        """It may send now: have it do so soon."""
        ...


class Line:
    """The outgoing half of a connection.

    Args:
        connection: Of the client.
        stall_s: A client that takes nothing for so long is given up.
        clock: A steady clock, seconds.

    Attributes:
        failed: Why nothing can be sent any more; empty while it can.
    """

    def __init__(
        self,
        connection: Connection,
        stall_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._stall_s = stall_s
        self._clock = clock
        self._rest: Pieces = ()
        self._said: deque[BytesPart] = deque()
        self._queue: deque[Waiting] = deque()
        self._turn: Waiting | None = None
        self._turn_at = 0.0
        self._unsent = 0
        self._moved_at = clock()
        self._wake = Event()
        self.failed = ""

    @property
    def backlogged(self) -> bool:
        """Whether so much waits to be said that nobody should be asked for more."""
        return sum(part.size_bytes for part in self._said) > _BACKLOG_BYTES

    @property
    def idle(self) -> bool:
        """Whether nothing waits here."""
        return not self._rest and not self._said

    def say(self, message: bytes) -> None:
        """Send something small as soon as no message is half written."""
        if message and not self.failed:
            self._said.append(BytesPart([message]))
            self._go_on()

    def free_for(self, one: Waiting) -> bool:
        """Whether a picture may be sent; who must wait is called later, one after the other."""
        if self.failed:
            return False
        if not self._is_free():
            self._enqueue(one)
            return False
        self._next_turn()
        if self._turn is None or self._turn is one:
            return True
        self._enqueue(one)
        return False

    def send(self, one: Waiting, pieces: Pieces) -> None:
        """Send a picture, as much as the kernel takes at once; ``free_for`` has allowed it."""
        if self._turn is one:
            self._turn = None
        self._moved_at = self._clock()
        self._rest = pieces
        self._go_on()

    def forget(self, one: Waiting) -> None:
        """It waits no more; again is harmless."""
        if one in self._queue:
            self._queue.remove(one)
        if self._turn is one:
            self._turn = None

    def look(self) -> None:
        """Now and then: does the client take anything, is the line free for who waits?"""
        if not self.failed and self._is_free():
            self._next_turn()

    def run(self) -> None:
        """In a greenlet of its own: finish what was written in part, until the line fails."""
        while not self.failed:
            self._wake.wait()
            self._wake.clear()
            while not self.idle and not self.failed:
                self._connection.wait_writable(_WRITE_WAIT_S)
                self._go_on()

    def fail(self, why: str) -> None:
        """Send nothing more; again is harmless."""
        self.failed = self.failed or why
        self._wake.set()

    def _is_free(self) -> bool:
        if not self.idle:
            return False
        try:
            unsent = self._connection.unsent()
        except OSError:
            self.fail("the connection is closed")
            return False
        now = self._clock()
        if unsent == 0 or unsent < self._unsent or self._unsent == 0:
            self._moved_at = now
        self._unsent = unsent
        self._fail_if_stalled(now)
        return unsent == 0

    def _enqueue(self, one: Waiting) -> None:
        if one is not self._turn and one not in self._queue:
            self._queue.append(one)

    def _next_turn(self) -> None:
        now = self._clock()
        if self._turn is not None and now - self._turn_at < _TURN_S:
            return
        self._turn = self._queue.popleft() if self._queue else None
        self._turn_at = now
        if self._turn is not None:
            self._turn.call()

    def _go_on(self) -> None:
        """Send what the kernel takes at once; the greenlet sees to the rest."""
        try:
            self._write()
        except OSError:
            self.fail("the client has left")
            return
        if not self.idle:
            self._fail_if_stalled(self._clock())
            self._wake.set()

    def _write(self) -> None:
        while not self.idle:
            if not self._rest:
                part = self._said.popleft()
                self._rest = ((part, 0, part.size_bytes),)
            before, self._rest = self._rest, self._connection.write(self._rest)
            if self._rest != before:
                self._moved_at = self._clock()
            if self._rest:
                return

    def _fail_if_stalled(self, now: float) -> None:
        if now - self._moved_at >= self._stall_s and not self.failed:
            self.fail(f"the client took nothing for {self._stall_s:g} s")
