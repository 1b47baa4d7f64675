"""One client's TCP connection, as a stream needs it: never waits unless asked to.

gunicorn sends the headers; from then on the stream writes to the socket itself. That way a slow
client is noticed before anything is queued for it, a stalled one is ended quietly, and nobody needs
to wait in a ``sendall`` that only the peer can end.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from typing import Final

from gevent.socket import wait_write

__all__ = ["Connection", "hung_up"]

_SIOCOUTQNSD: Final = 0x894B
"""ioctl: bytes written to the socket that the kernel has not sent yet; linux/sockios.h."""

_INT: Final = struct.Struct("i")
_ZERO: Final = _INT.pack(0)


def hung_up(raw: socket.socket) -> bool:
    """Whether the client has closed or lost the connection; what it has sent stays unread.

    Args:
        raw: As gunicorn gives it; left as it is.
    """
    timeout_s = raw.gettimeout()
    raw.settimeout(0.0)  # gevent's recv waits otherwise, whatever the flags
    try:
        return not raw.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        raw.settimeout(timeout_s)


class Connection:
    """The socket of one client.

    Args:
        raw: As gunicorn gives it; made non-blocking here and given back as it was by ``release``.
        stall_timeout_s: The kernel's backstop: it gives the connection up when the peer
            acknowledges nothing for so long (a cable pulled out, a receiver that never reads).
    """

    def __init__(self, raw: socket.socket, stall_timeout_s: float) -> None:
        self._socket = raw
        self._timeout_s = raw.gettimeout()
        raw.settimeout(0.0)
        if raw.family in {socket.AF_INET, socket.AF_INET6}:
            limit_ms = int((stall_timeout_s + 1.0) * 1000)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Not TCP_NOTSENT_LOWAT: it cuts each write into pieces, and unsent() does its work.
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit_ms)

    def release(self) -> None:
        """Give the socket back as it was; harmless on a dead one."""
        if self._socket.fileno() >= 0:
            self._socket.settimeout(self._timeout_s)

    def gone(self) -> bool:
        """Whether the client has closed or lost the connection."""
        try:
            # A stream's client has nothing more to say; whatever it says is thrown away.
            return not self._socket.recv(4096)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def unsent(self) -> int:
        """Bytes that were written but have not left this machine: more than 0 is a slow client.

        Raises:
            OSError: The socket is closed.
        """
        if self._socket.fileno() < 0:
            raise OSError(errno.EBADF, "the socket is closed")
        value: int = _INT.unpack(fcntl.ioctl(self._socket, _SIOCOUTQNSD, _ZERO))[0]
        return value

    def send(self, data: bytes | memoryview) -> int:
        """Write what the kernel takes at once.

        Returns:
            Number of bytes taken, possibly 0.

        Raises:
            OSError: The connection is dead.
        """
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def wait_writable(self, timeout_s: float) -> None:
        """Wait until the kernel takes more, or the time is over."""
        try:
            wait_write(self._socket.fileno(), timeout=timeout_s)
        except TimeoutError:
            return
