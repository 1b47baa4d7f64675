"""The reader's end of the notifications: a socket that rings at each new frame.

What it says is only a doorbell; ``head`` in the ring is the truth. So a lost, late or doubled
notification costs nothing, and whoever waits here looks at the ring now and then in any case.
Notifications that stay out altogether cost frames, though: four a second are seen. So a socket that
nothing comes from while frames do is opened anew, see ``Hearing``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import zmq

from .notification import Notification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .frame import Epoch
    from .naming import SegmentPaths

__all__ = ["LOOK_AT_HEAD_S", "Hearing", "messages", "open_doorbell"]

LOOK_AT_HEAD_S: Final = 0.25
"""Longest wait for the doorbell; after that the ring is looked at."""

_RECEIVE_HIGH_WATER: Final = 100
"""Not 1 or 2: libzmq 4.3.5 aborts the process with those under load (libzmq#3937, #4767)."""
_MOST_BYTES: Final = 256
"""A longer message is none of ours: libzmq 4.3.5 ends that connection, and makes no new one."""
_RECONNECT_MS: Final = 100
_RECONNECT_MAX_MS: Final = 400
_DEAF_S: Final = 1.0


def open_doorbell(
    paths: SegmentPaths, context: zmq.Context[zmq.Socket[bytes]]
) -> zmq.Socket[bytes]:
    """Subscribe to a camera's notifications; there need not be a publisher yet.

    Args:
        paths: The camera's files.
        context: Whose thread receives; the socket is to be closed before it ends.

    Raises:
        zmq.ZMQError: The context has no socket left.
    """
    socket: zmq.Socket[bytes] = context.socket(zmq.SUB)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVHWM, _RECEIVE_HIGH_WATER)
    socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, _RECONNECT_MAX_MS)
    socket.setsockopt(zmq.MAXMSGSIZE, _MOST_BYTES)
    socket.setsockopt(zmq.SUBSCRIBE, paths.topic)
    socket.connect(paths.endpoint)
    return socket


def messages(socket: zmq.Socket[bytes]) -> Iterator[bytes]:
    """Receive all that waits, without waiting; only then its descriptor tells of the next one."""
    while True:
        try:
            message = socket.recv(zmq.NOBLOCK)
        except zmq.Again:
            return
        yield message


class Hearing:
    """Whether a doorbell can still be heard: frames come, and so should their notifications.

    It is lost for good when whoever is at the other end sent a message that was too long, or was
    first to make the socket's file and says nothing. A stranger's messages do not count, unless
    they name the ring's epoch.

    Args:
        clock: A steady clock, seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._unheard = 0
        self._silent_since_s: float | None = None
        self._renewed_at_s = float("-inf")

    @property
    def silent_s(self) -> float:
        """For how long frames have come and no notification, seconds; 0.0: all is well.

        One frame may be found before its notification is heard; the second one says something.
        """
        return 0.0 if self._silent_since_s is None else self._clock() - self._silent_since_s

    @property
    def lost(self) -> bool:
        """Silent for a second, whatever was tried: open it anew, and say ``renewed``."""
        tried_s = self._clock() - self._renewed_at_s
        return self._unheard > 0 and min(self.silent_s, tried_s) >= _DEAF_S

    def heard(self, message: bytes, epoch: Epoch | None) -> None:
        """A message has come.

        Args:
            message: As received.
            epoch: Of the ring that is attached; None: none is.

        Raises:
            ProtocolError: It is no notification.
        """
        if Notification.unpack(message).epoch == epoch:
            self._unheard, self._silent_since_s = 0, None

    def frame_found(self) -> None:
        """There is a new frame in the ring, and all messages that waited were heard."""
        self._unheard += 1
        if self._unheard > 1 and self._silent_since_s is None:
            self._silent_since_s = self._clock()

    def renewed(self) -> None:
        """The doorbell was opened anew: from now on it has its time to ring."""
        self._unheard, self._renewed_at_s = 0, self._clock()
