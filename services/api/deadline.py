"""Answers that end must end in time: who reads none of a snapshot does not keep a connection.

gunicorn sends such an answer with ``sendall``, which waits as long as the client likes. Streams
look after their clients themselves.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any, Final

import gevent

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["lift", "limit"]

_KEY: Final = "ringcast.deadline"


def limit(environ: MutableMapping[str, Any], seconds: float) -> None:
    """Have the connection of a request shut down unless ``lift`` is called in time.

    Args:
        environ: Of the request; without gunicorn's socket in it nothing is done.
        seconds: From now on.
    """
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        lift(environ)
        environ[_KEY] = gevent.spawn_later(seconds, _cut, connection)


def lift(environ: MutableMapping[str, Any]) -> None:
    """The answer has been sent, or a stream has begun; again is harmless."""
    timer = environ.pop(_KEY, None)
    if timer is not None:
        timer.kill(block=False)


def _cut(connection: socket.socket) -> None:
    """Have whoever waits to send find that the connection is gone; gunicorn takes that quietly."""
    # by another descriptor: gevent's own shutdown says EBADF to who waits, as if we had closed
    with (
        contextlib.suppress(OSError),
        socket.socket(fileno=os.dup(connection.fileno())) as same,
    ):
        same.shutdown(socket.SHUT_RDWR)
