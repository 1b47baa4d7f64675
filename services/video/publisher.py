"""The PUB socket that says "frame N is in the ring"; nobody ever has to wait for it."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final, Self

import zmq

from shared.errors import RingUnavailable
from shared.notification import Notification

if TYPE_CHECKING:
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths

__all__ = ["Publisher"]

log = logging.getLogger(__name__)

_SEND_HIGH_WATER_MARK: Final = 64
_SOCKET_MODE: Final = 0o660
"""Owner and group; connecting needs the right to write."""
_CHECK_INTERVAL_S: Final = 1.0


class Publisher:
    """Owns context, socket and socket file. Used by one thread; a context manager.

    Open it only after ``RingWriter.open``: the writer's lock says that a socket file that is
    already there belongs to a dead process. A second bind would steal it without an error.

    Args:
        paths: The camera's files.
    """

    def __init__(self, paths: SegmentPaths) -> None:
        self._paths = paths
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
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
        self._context = zmq.Context(io_threads=1)
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

    def check(self) -> None:
        """Once a second: bind again if somebody removed the socket file; cheap in between."""
        now_s = time.monotonic()
        if now_s - self._checked_s < _CHECK_INTERVAL_S:
            return
        self._checked_s = now_s
        if self._current_inode() != self._inode:
            log.warning("%s was removed or replaced; binding again", self._paths.socket)
            try:
                self._bind()
            except RingUnavailable as error:
                log.error("no notifications until this works: %s", error)  # noqa: TRY400 - expected

    def close(self) -> None:
        """Close the socket and remove its file; more than once is harmless."""
        if self._context is None:
            return
        if self._socket is not None:
            ours = self._current_inode() == self._inode
            self._socket.close()
            self._socket = None
            if ours:
                self._paths.socket.unlink(missing_ok=True)
        self._context.term()
        self._context = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _bind(self) -> None:
        if self._context is None:
            raise RuntimeError("bind before open")
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        bound = self._context.socket(zmq.PUB)
        bound.set_hwm(_SEND_HIGH_WATER_MARK)
        bound.setsockopt(zmq.LINGER, 0)
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
