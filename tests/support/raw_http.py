"""Any bytes to a port, and what comes back, within a time limit."""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

__all__ = ["Answer", "exchange"]

_LIMIT_S: Final = 15.0
_SHORT_S: Final = 0.25
_ENOUGH: Final = 1 << 16
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9]) ?[^\r\n]*\r\n")
_RESET: Final = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        data: The first 64 KiB of it.
        status: Of the first answer; 0: the connection was closed without one.
    """

    data: bytes
    status: int

    @property
    def well_formed(self) -> bool:
        """Whether it is nothing at all, or begins like an answer of HTTP/1."""
        return not self.data or _STATUS_LINE.match(self.data) is not None


def exchange(url: str, data: bytes, *, abort: bool = False, patience_s: float = _SHORT_S) -> Answer:
    """Send bytes and read what comes back; in the end the connection is reset.

    Args:
        url: Of the server; its path is not used.
        data: Whatever is to be sent.
        abort: Leave with the first answer, or after a moment in which nothing came. Else say
            that no more will come, and read until the end, or enough of a stream.
        patience_s: How long that moment is.

    Raises:
        TimeoutError: Neither an answer nor the end of the connection within 15 s.
    """
    target = urlsplit(url)
    address = (target.hostname or "127.0.0.1", target.port or 80)
    received = b""
    with socket.create_connection(address, timeout=_LIMIT_S) as connection:
        # refused in the middle: what was answered before that is still to be read
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        with contextlib.suppress(ConnectionError):
            received = _first(connection, patience_s) if abort else _all(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    found = _STATUS_LINE.match(received)
    return Answer(received, int(found[1]) if found else 0)


def _first(connection: socket.socket, patience_s: float) -> bytes:
    """The first answer whole, if it has a length; of a stream its beginning."""
    connection.settimeout(patience_s)
    received = b""
    try:
        while not _whole(received) and (more := connection.recv(_ENOUGH)):
            received += more
    except TimeoutError:
        return received
    return received


def _whole(received: bytes) -> bool:
    head, ended, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: ([0-9]+)", head.lower())
    return bool(ended) and (length is None or len(body) >= int(length[1]))


def _all(connection: socket.socket) -> bytes:
    with contextlib.suppress(OSError):  # reset already: there may be an answer all the same
        connection.shutdown(socket.SHUT_WR)
    received = b""
    while len(received) < _ENOUGH and (more := connection.recv(_ENOUGH)):
        received += more
    return received
