"""Attachment: keeps a reader on a camera's ring across restarts, and knows how the writer fares.

It never blocks and knows no sockets: whoever waits for frames, a thread or a greenlet, calls
``refresh`` now and then. Liveness never compares clocks of two processes and never looks at process
ids; it asks whether the heartbeat's value changes by *this* process's clock, and whether the
writer's lock is held.
"""

from __future__ import annotations

import enum
import time
from typing import TYPE_CHECKING, Final

from ..errors import ProtocolError, RingUnavailable, SegmentDamaged
from .reader import RingReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..naming import SegmentPaths

__all__ = ["Attachment", "Condition"]

_RETRY_S: Final = 0.1
_SUSPECT_S: Final = 0.5
_STALLED_S: Final = 2.0


class Condition(enum.StrEnum):
    """How the Video Module fares, as seen from here."""

    LIVE = "live"
    """The writer lives and moves."""
    STALLED = "stalled"
    """The writer lives (its lock is held), but its heartbeat has stopped."""
    GONE = "gone"
    """There is no living writer."""
    INCOMPATIBLE = "incompatible"
    """There is a segment, but not one this release can read."""


class Attachment:
    """A reader that follows the writer through its lives. Owned by one thread or greenlet.

    Args:
        paths: The camera's files.
        clock: A steady clock in seconds.
        leaving: Told of each reader that is given up, while it can still be looked through.

    Attributes:
        paths: The camera's files.
        condition: As of the last ``refresh``; GONE before the first.
        why: A sentence for operators on why the condition is not LIVE; empty when it is.
        since_s: When, by ``clock``, the condition began.
        attached: How many times a segment was attached; 0 says none was ever seen.
    """

    def __init__(
        self,
        paths: SegmentPaths,
        clock: Callable[[], float] = time.monotonic,
        leaving: Callable[[RingReader], None] = lambda _: None,
    ) -> None:
        self.paths = paths
        self.condition = Condition.GONE
        self.why = "not looked for yet"
        self.since_s = clock()
        self.attached = 0
        self._clock = clock
        self._leaving = leaving
        self._reader: RingReader | None = None
        self._superseded: list[RingReader] = []
        self._tried_at_s = float("-inf")
        self._heartbeat = 0
        self._moved_at_s = 0.0

    @property
    def reader(self) -> RingReader | None:
        """The present reader; None while the condition is GONE or INCOMPATIBLE."""
        return self._reader

    def refresh(self) -> RingReader | None:
        """Check the present reader, or try to get one. Cheap; call it on every turn of a loop.

        Readers that were replaced are closed once their last view is: the memory of a dead segment
        may be all the room a new one has.
        """
        now = self._clock()
        self._close_superseded()
        if self._reader is not None:
            self._check(self._reader, now)
        if self._reader is None and now - self._tried_at_s >= _RETRY_S:
            self._tried_at_s = now
            self._attach(now)
        return self._reader

    def close(self) -> None:
        """Detach; again is harmless. A reader with an open view stays until ``refresh`` or exit."""
        self._detach(Condition.GONE, "detached")
        self._close_superseded()

    def _close_superseded(self) -> None:
        self._superseded = [reader for reader in self._superseded if not _close_if_unused(reader)]

    def _check(self, reader: RingReader, now: float) -> None:
        if not reader.whole:
            self._detach(Condition.GONE, f"{self.paths.ring} was cut or extended by somebody else")
            self._tried_at_s = float("-inf")
            return
        if not reader.live:
            self._detach(Condition.GONE, "the Video Module has ended or replaced its ring")
            self._tried_at_s = float("-inf")
            return
        heartbeat = reader.heartbeat
        if heartbeat != self._heartbeat:
            self._heartbeat, self._moved_at_s = heartbeat, now
            self._enter(Condition.LIVE, "")
            return
        silent_s = now - self._moved_at_s
        if silent_s < _SUSPECT_S:
            return
        if not reader.writer_lives():
            self._detach(Condition.GONE, "the Video Module has died")
        elif not reader.has_name():
            self._detach(Condition.GONE, f"{self.paths.ring} was removed or replaced")
        elif silent_s >= _STALLED_S:
            self._enter(Condition.STALLED, "the Video Module lives but does not move: it hangs")

    def _attach(self, now: float) -> None:
        try:
            reader = RingReader.open(self.paths)
        except RingUnavailable as error:
            self._enter(Condition.GONE, error.why)
        except SegmentDamaged as error:  # whoever writes it makes another one
            self._enter(Condition.GONE, str(error))
        except ProtocolError as error:
            self._enter(Condition.INCOMPATIBLE, str(error))
        else:
            self._reader = reader
            self._heartbeat, self._moved_at_s = reader.heartbeat, now
            self.attached += 1
            self._enter(Condition.LIVE, "")

    def _detach(self, condition: Condition, why: str) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            self._leaving(reader)
            if not _close_if_unused(reader):
                self._superseded.append(reader)
        self._enter(condition, why)

    def _enter(self, condition: Condition, why: str) -> None:
        self.why = why
        if condition is not self.condition:
            self.condition = condition
            self.since_s = self._clock()


def _close_if_unused(reader: RingReader) -> bool:
    if reader.views:
        return False
    reader.close()
    return True
