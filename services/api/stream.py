"""One client of a stream: paces, skips to the newest, repeats after a silence, stops.

A stream has at most one part on its way. The fan-out offers it each new frame; the stream takes it
if it is due, nothing of the last one is unsent, and sends it in one call. So the usual frame costs
a client two system calls and wakes no greenlet; the client's own greenlet sleeps until a part went
only half into the kernel's buffer, or the end.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gevent.event import Event

from services.api.framing import Unframeable
from services.api.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.adaptive import Adaptation
    from services.api.client import Client
    from services.api.connection import Connection
    from services.api.counters import Counters
    from services.api.encoded import EncodedFrame
    from services.api.framing import Framing
    from services.api.lifespan import Lifespan
    from services.api.part import Pieces
    from shared.frame import FrameInfo

__all__ = ["Patience", "Stream"]

log = logging.getLogger(__name__)

_WRITE_WAIT_S: Final = 0.25
_FAREWELL_S: Final = 0.5
"""How long a part that is half written may still take when the server ends the stream."""

_FINAL_INTERVALS: Final = 2.0
"""A frame that nothing has followed for so many frames is taken for the last for a while."""

_MOMENT_S: Final = 0.1
_TEND_BUSY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client is waited for, waits, and stays.

    Attributes:
        stall_s: A client that takes nothing for so long is ended.
        repeat_s: The last part is sent again after a silence of this length.
        lifespan: How long its stream may last.
    """

    stall_s: float
    repeat_s: float
    lifespan: Lifespan


class Stream:
    """One client.

    Args:
        client: Who it is; what it is sent is counted there.
        connection: Its socket; the response's headers and the framing's lead were sent.
        framing: What it is sent around the pictures.
        counters: Of its camera.
        patience: How long it is waited for, waits, and stays.
        clock: A steady clock, seconds.

    Attributes:
        adaptation: Moves the client to what it can follow; None: it gets one variant.
        client: Who it is.
        ended: Why the stream is over, for the log; empty while it runs.
    """

    # Slots: with hundreds of clients a turn of the fan-out waits for memory, not for arithmetic.
    __slots__ = (
        "__weakref__",
        "_alone",
        "_clock",
        "_connection",
        "_counters",
        "_dual",
        "_framing",
        "_interval_s",
        "_lifespan",
        "_moved_at",
        "_repeat_after_s",
        "_rest",
        "_selection",
        "_stall_timeout_s",
        "_tended_at",
        "_unsent",
        "_wake",
        "_written_at",
        "adaptation",
        "client",
        "ended",
    )

    def __init__(
        self,
        client: Client,
        connection: Connection,
        framing: Framing,
        counters: Counters,
        *,
        patience: Patience,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.adaptation: Adaptation | None = None
        self.client = client
        self._dual = client.dual_final_frames
        self._connection = connection
        self._framing = framing
        self._counters = counters
        self._lifespan = patience.lifespan
        self._clock = clock
        self._selection = Selection(client, counters)
        self._stall_timeout_s = patience.stall_s
        self._repeat_after_s = self._selection.silence_s(patience.repeat_s)
        self._interval_s = self._selection.interval_ns / 1e9
        self._alone = False
        self._rest: Pieces = ()
        self._written_at = clock()
        self._unsent = 0
        self._moved_at = clock()
        self._tended_at = clock()
        self._wake = Event()
        self.ended = ""

    def would_take(self, info: FrameInfo, source_fps: float) -> bool:
        """Whether the frame would be sent if it were there; counts nothing.

        Args:
            info: A frame of the camera; older ones may still be offered.
            source_fps: Measured rate of the source.
        """
        if self.ended:
            return False
        return self._selection.would_take(info, source_fps) and self.ready()

    def wants(self, info: FrameInfo, source_fps: float) -> bool:
        """Whether the frame is to be sent now; counts what is skipped and dropped.

        It may be asked about a frame again, even after a newer one.

        Args:
            info: The newest frame of the camera.
            source_fps: Measured rate of the source.
        """
        if self._dual and source_fps > 0.0:
            self._interval_s = max(1.0 / source_fps, self._selection.interval_ns / 1e9)
        if self.ended:
            return False
        dropped = self.client.dropped
        wanted = self._selection.wants(info, source_fps, self.ready)
        if self.client.dropped != dropped:
            self._note(missed=True)
        return wanted

    def ready(self) -> bool:
        """Whether everything written so far has left this machine; ends a client that stalls."""
        if self._rest:
            return False
        try:
            unsent = self._connection.unsent()
        except OSError:
            self.end("the connection is closed")
            return False
        if unsent == 0:
            self._unsent = 0
            return True
        now = self._clock()
        if self._unsent == 0 or unsent < self._unsent:
            self._moved_at = now
        self._unsent = unsent
        self._end_if_stalled(now)
        return False

    def send(self, jpeg: EncodedFrame) -> None:
        """Send one part, as much as the kernel takes at once; the greenlet sees to the rest.

        The stream must be ``ready``, else two parts would mix.
        """
        another = self._selection.take(jpeg)
        if another and self.adaptation is not None:
            self._note(missed=False)
        try:
            pieces = self._framing.pieces(jpeg, self.client)
            self._rest = self._connection.write(pieces)
        except Unframeable as error:
            self.end(str(error))
            return
        except OSError:
            self.end("the client has left")
            return
        self._written_at = self._clock()
        self._selection.sent(jpeg, pieces, self._written_at, another=another)
        if self._rest:
            self._moved_at = self._written_at
            self._wake.set()
        if self._dual:
            self._alone = another
            self._wake.set()

    def tend(self) -> None:
        """Look after the client now and then, frames or not: is it over, has it left or stalled?

        Who was sent something a moment ago is looked after once a second: the next part shows
        whether it has left, but not whether it has closed its half of the connection.
        """
        now = self._clock()
        why = self._lifespan.over(now)
        if why and not self._rest:  # else it ends at the border of the part that is under way
            self.end(why)
        busy = now - self._written_at < _MOMENT_S and now - self._tended_at < _TEND_BUSY_S
        if self.ended or busy:
            return
        self._tended_at = now
        if self._connection.gone():
            self.end("the client has left")
        elif self._clock() - self._written_at >= self._repeat_after_s:
            self._repeat()

    def end(self, why: str) -> None:
        """Have the greenlet end the stream; again is harmless."""
        if not self.ended:
            self.ended = why
            self._counters.note_end(why)
        self._wake.set()

    def run(self) -> None:
        """The client's greenlet: finish what was written in part, say goodbye at the end."""
        while not self.ended:
            self._wake.wait(self._until_final_s())
            self._wake.clear()
            self._finish_part()
            if self._until_final_s() == 0.0:
                self._alone = False
                self._repeat()
            if self.adaptation is not None and not self.ended:
                self.adaptation.follow(self)
        deadline = self._clock() + _FAREWELL_S
        while self._rest and self._clock() < deadline and not self._connection.gone():
            self._write_rest()
        if not self._rest:
            self._say_goodbye()

    def _repeat(self) -> None:
        """Send the last part again, if the client takes it."""
        last = self._selection.last
        if not self.ended and last is not None and self.ready():
            self._counters.repeated += 1
            self.send(last)

    def _until_final_s(self) -> float | None:
        """How long to wait for a frame after the last one before that is sent twice; None: no."""
        if not self._alone or self.ended:
            return None
        return max(0.0, self._written_at + _FINAL_INTERVALS * self._interval_s - self._clock())

    def _end_if_stalled(self, now: float) -> None:
        if now - self._moved_at >= self._stall_timeout_s and not self.ended:
            self._counters.stalled += 1
            self.end(f"the client took nothing for {self._stall_timeout_s:g} s")

    def _finish_part(self) -> None:
        while self._rest and not self.ended:
            self._write_rest()

    def _write_rest(self) -> None:
        """Wait for room and send some more of a part that was sent in part."""
        before = self._rest
        self._connection.wait_writable(_WRITE_WAIT_S)
        try:
            self._rest = self._connection.write(before)
        except OSError:
            self.end("the client has left")
            self._rest = ()
            return
        now = self._clock()
        if self._rest != before:
            self._moved_at = self._written_at = now
        self._end_if_stalled(now)

    def _say_goodbye(self) -> None:
        closing = self._framing.closing
        if closing is None:
            return
        try:
            self._connection.send(closing, 0, closing.size_bytes)
        except OSError:
            log.debug("a client left before the closing bytes")

    def _note(self, *, missed: bool) -> None:
        """Tell the adaptation; the client's greenlet moves it when no part is on its way."""
        if self.adaptation is not None and self.adaptation.note(self._clock(), missed=missed):
            self._wake.set()
