"""One greenlet and one SUB socket per camera and worker: hears of new frames, looks at the ring.

It waits at most 250 ms for the doorbell, drains what else waits, and then looks at the ring in any
case: see ``shared/doorbell.py``.

The socket is a plain one whose descriptor the greenlet waits for: a green socket's ``recv`` took as
long again as all the rest of a turn (``zmq.green`` 27.3).
"""

from __future__ import annotations

import itertools
import logging
import time
from typing import TYPE_CHECKING, Final

import gevent
import zmq
from gevent.socket import wait_read

from services.api.advice import explain
from services.api.bell import Bell
from services.api.breath import breathe
from shared.doorbell import LOOK_AT_HEAD_S, Hearing, messages, open_doorbell
from shared.errors import FrameOverwritten, ProtocolError, RingUnavailable
from shared.meter import Throttle
from shared.ring.attachment import Condition

if TYPE_CHECKING:
    from services.api.feed import Feed
    from shared.naming import SegmentPaths
    from shared.ring.attachment import Attachment

__all__ = ["Subscriber"]

log = logging.getLogger(__name__)

_AT_ONCE: Final = 100
"""Messages taken before the hub may look after others: nobody can keep it busy with more."""


class Subscriber:
    """Keeps a camera's feed up to date.

    Args:
        paths: The camera's files.
        attachment: Follows the ring across restarts; this greenlet owns it.
        feed: Is told of every new frame, and woken when the writer's condition changes.
        quiet: Nobody needs to read in the log how the writer fares.

    Attributes:
        notifications: How many were received.
        refused: How many messages and frames contradicted our own format.
        bell: Whether notifications come when frames do.
    """

    def __init__(
        self, paths: SegmentPaths, attachment: Attachment, feed: Feed, *, quiet: bool = False
    ) -> None:
        self._paths = paths
        self._attachment = attachment
        self._feed = feed
        self._quiet = quiet
        self._complaint = Throttle()
        self._hearing = Hearing()
        self.bell = Bell(paths, self._hearing, logging.DEBUG if quiet else logging.WARNING)
        self._seen = (0, 0)
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self.notifications = 0
        self.refused = 0

    def start(self) -> None:
        """Look once, then keep looking in a greenlet until the process ends or ``stop``."""
        self.look()
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """End the greenlet, close its socket and detach from the ring; again is harmless."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None
        self._attachment.close()

    def look(self) -> None:
        """Offer the ring's newest frame to the feed, if there is a ring and it is new."""
        attachment = self._attachment
        before = attachment.condition
        reader = attachment.refresh()
        if attachment.condition is not before:
            self._report(before)
        if reader is None:
            return
        head = reader.head
        if head == 0 or (reader.epoch, head) == self._seen:
            return
        try:
            info = reader.info(head)
        except (FrameOverwritten, RingUnavailable):
            return  # lapped, or cut off, between two instructions: the next look is soon
        except ProtocolError as error:
            self._refuse(error)
            return
        self._seen = (reader.epoch, head)
        self._hearing.frame_found()
        self.bell.listen()
        self._feed.offer(info)

    def _run(self) -> None:
        socket = open_doorbell(self._paths, zmq.Context.instance())
        try:
            while True:
                taken = 0
                for message in itertools.islice(messages(socket), _AT_ONCE):
                    self._check(message)
                    taken += 1
                self.look()
                if self._hearing.lost:
                    socket.close(linger=0)
                    socket = open_doorbell(self._paths, zmq.Context.instance())
                    self._hearing.renewed()
                if taken == _AT_ONCE:  # there may be more, of which the descriptor does not tell
                    breathe()
                elif self._feed.awaited.is_set():
                    _wait_for_doorbell(socket.fileno())
                else:  # nobody would notice: four looks a second, not one at each frame
                    self._feed.awaited.wait(LOOK_AT_HEAD_S)
        finally:
            socket.close(linger=0)

    def _check(self, message: bytes) -> None:
        self.notifications += 1
        reader = self._attachment.reader
        try:
            self._hearing.heard(message, None if reader is None else reader.epoch)
        except ProtocolError as error:
            self._refuse(error)

    def _refuse(self, error: ProtocolError) -> None:
        self.refused += 1
        withheld = self._complaint.ready(time.monotonic())
        if withheld is not None:
            log.warning("%s: %s (%d more withheld)", self._paths.name, error, withheld)

    def _report(self, before: Condition) -> None:
        attachment = self._attachment
        if attachment.condition is Condition.LIVE:
            level = logging.DEBUG if self._quiet else logging.INFO
            log.log(level, "%s: attached to its ring", self._paths.name)
        else:
            log.log(
                logging.DEBUG if self._quiet else logging.WARNING,
                "%s: was %s, is %s: %s",
                self._paths.name,
                before,
                attachment.condition,
                explain(attachment.why, self._paths),
            )
        self._feed.wake()


def _wait_for_doorbell(descriptor: int) -> None:
    """Wait until something has happened to a ZeroMQ socket, but not for long.

    Source: zmq_getsockopt(3), ZMQ_FD: readable means "look", not "there is a message".
    """
    try:
        wait_read(descriptor, timeout=LOOK_AT_HEAD_S)
    except TimeoutError:
        return
