"""The reader's end of the notifications: a socket that rings at each new frame.

What it says is only a doorbell; ``head`` in the ring is the truth. So a lost, late or doubled
notification costs nothing, and whoever waits here looks at the ring now and then in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import zmq

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .naming import SegmentPaths

__all__ = ["LOOK_AT_HEAD_S", "messages", "open_doorbell"]

LOOK_AT_HEAD_S: Final = 0.25
"""Longest wait for the doorbell; after that the ring is looked at."""

_RECEIVE_HIGH_WATER: Final = 100
"""Not 1 or 2: libzmq 4.3.5 aborts the process with those under load (libzmq#3937, #4767)."""
_MOST_BYTES: Final = 256
"""A longer message is none of ours: libzmq ends that connection, and makes a new one."""
_RECONNECT_MS: Final = 100
_RECONNECT_MAX_MS: Final = 400


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
