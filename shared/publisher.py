"""The socket that says "frame N is in the ring"; nobody ever has to wait for it.

It is an XPUB socket: a PUB socket that also tells whether anybody listens. All publishers of a
process share one ZeroMQ context, and so one thread.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final, Self

import zmq

from .doorbell import messages
from .errors import RingUnavailable
from .notification import Notification

if TYPE_CHECKING:
    from .frame import FrameInfo
    from .naming import SegmentPaths

__all__ = ["Publisher"]

log = logging.getLogger(__name__)

_SEND_HIGH_WATER_MARK: Final = 64
_SOCKET_MODE: Final = 0o660
"""Owner and group; connecting needs the right to write."""
_CHECK_INTERVAL_S: Final = 1.0
_LINGER_MS: Final = 100
"""How long ZeroMQ's own thread goes on sending after ``close``, for the last notification."""
_SUBSCRIBES: Final = 1
"""First byte of what an XPUB socket receives; 0 is the end of a subscription."""


class Publisher:
    """Owns socket and socket file. Used by one thread; a context manager.

    Open it only after ``RingWriter.open``: the writer's lock says that a socket file that is
    already there belongs to a dead process. A second bind would steal it without an error.

    Args:
        paths: The camera's files.
    """

    def __init__(self, paths: SegmentPaths) -> None:
        self._paths = paths
        self._topics: set[bytes] = set()
        self._open = False
        self._socket: zmq.Socket[bytes] | None = None
        self._inode = 0
        self._checked_s = 0.0
        self.dropped = 0
        """Notifications that could not be handed to libzmq."""

    def open(self) -> None:
        """Bind the endpoint.

        Raises:
            RingUnavailable: The socket cannot be made in the camera's directory.
        """
        self._open = True
        self._bind()

    def publish(self, info: FrameInfo) -> None:
        """Tell all subscribers of a committed frame; whoever cannot take it does without."""
        if self._socket is None:
            self.dropped += 1
            return
        notification = Notification(self._paths.topic, info.epoch, info.sequence, info.published_at)
        try:
            self._socket.send(notification.pack(), zmq.NOBLOCK)
        except zmq.Again:
            self.dropped += 1

    def watched(self) -> bool:
        """Whether anybody is subscribed, as far as ZeroMQ has heard (a few milliseconds late)."""
        for message in () if self._socket is None else messages(self._socket):
            if message[:1] == bytes([_SUBSCRIBES]):
                self._topics.add(message[1:])
            else:
                self._topics.discard(message[1:])
        return bool(self._topics)

    def check(self) -> None:
        """Once a second: bind again if somebody removed the socket file; cheap in between."""
        now_s = time.monotonic()
        if now_s - self._checked_s < _CHECK_INTERVAL_S:
            return
        self._checked_s = now_s
        self.watched()  # what subscribers have said does not pile up
        if self._current_inode() != self._inode:
            log.warning("%s was removed or replaced; binding again", self._paths.socket)
            try:
                self._bind()
            except RingUnavailable as error:
                log.error("no notifications until this works: %s", error)  # noqa: TRY400 - expected

    def withdraw(self) -> None:
        """Remove the socket's file: nobody new finds it, who is subscribed still hears.

        To be called while the writer's lock is held; after it a successor may bind its own.
        """
        if self._socket is not None and self._current_inode() == self._inode:
            self._paths.socket.unlink(missing_ok=True)
        self._inode = 0

    def close(self) -> None:
        """Close the socket and remove its file; more than once is harmless."""
        self._open = False
        if self._socket is not None:
            if self._inode:
                self.withdraw()
            self._socket.close()
            self._socket = None
            self._topics.clear()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _bind(self) -> None:
        if not self._open:
            raise RuntimeError("bind before open")
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._topics.clear()
        try:  # a plain socket even under gevent, where it is used with NOBLOCK only
            bound: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.XPUB)
        except zmq.ZMQError as error:  # a context has 1023 sockets at most
            raise RingUnavailable(self._paths.socket, f"cannot be made: {error}") from error
        bound.set_hwm(_SEND_HIGH_WATER_MARK)
        bound.setsockopt(zmq.LINGER, _LINGER_MS)
        try:
            self._paths.socket.unlink(missing_ok=True)
            bound.bind(self._paths.endpoint)
            self._paths.socket.chmod(_SOCKET_MODE)
        except (OSError, zmq.ZMQError) as error:
            bound.close()
            raise RingUnavailable(self._paths.socket, f"cannot be bound: {error}") from error
        self._socket = bound
        self._inode = self._current_inode()

    def _current_inode(self) -> int:
        with contextlib.suppress(FileNotFoundError):
            return self._paths.socket.stat().st_ino
        return 0
