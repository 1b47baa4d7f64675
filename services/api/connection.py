"""One client's TCP connection, as a stream needs it: never waits unless asked to.

gunicorn sends the headers; from then on the stream writes to the socket itself. That way a slow
client is noticed before anything is queued for it, a stalled one is ended quietly, and nobody needs
to wait in a ``sendall`` that only the peer can end.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import ssl
import sys
from typing import TYPE_CHECKING, Final

from gevent.socket import wait_read, wait_write

if TYPE_CHECKING:
    from services.api.part import Part, Pieces

__all__ = ["Connection", "hung_up"]

_SIOCOUTQNSD: Final = 0x894B
"""ioctl: bytes written to the socket that the kernel has not sent yet; linux/sockios.h."""

_ZERO: Final = bytes(4)
_TCP_ESTABLISHED: Final = 1
_TLS_RECORD_BYTES: Final = 16_384
"""Most that one TLS record holds; RFC 8446, section 5.1."""


def hung_up(raw: socket.socket) -> bool:
    """Whether the client has closed or lost the connection; what it has sent stays unread.

    Args:
        raw: As gunicorn gives it; left as it is.
    """
    if isinstance(raw, ssl.SSLSocket):  # has no MSG_PEEK; the kernel knows as well
        return raw.fileno() < 0 or not _established(raw)
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


def _established(raw: socket.socket) -> bool:
    """Whether both directions are open; the first byte of ``tcp_info`` is the state."""
    state = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return state[0] == _TCP_ESTABLISHED


class Connection:
    """The socket of one client, plain or TLS.

    A plain socket is sent to by the kernel's calls on its descriptor, which is asked for each time:
    the number of a closed one may belong to another client by now.

    Args:
        raw: As gunicorn gives it; made non-blocking here and given back as it was by ``release``.
        stall_timeout_s: The kernel's backstop: it gives the connection up when the peer
            acknowledges nothing for so long (a cable pulled out, a receiver that never reads).
    """

    def __init__(self, raw: socket.socket, stall_timeout_s: float) -> None:
        self._socket = raw
        self._fileno = raw.fileno
        self._tls = isinstance(raw, ssl.SSLSocket)
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
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True

    def unsent(self) -> int:
        """Bytes that were written but have not left this machine: more than 0 is a slow client.

        Raises:
            OSError: The socket is closed.
        """
        fd = self._fileno()
        if fd < 0:
            raise OSError(errno.EBADF, "the socket is closed")
        count: bytes = fcntl.ioctl(fd, _SIOCOUTQNSD, _ZERO)
        return 0 if count == _ZERO else int.from_bytes(count, sys.byteorder)

    def send(self, part: Part, start: int, end: int) -> int:
        """Send bytes ``start`` to ``end`` of a part, or what the kernel takes of them at once.

        Returns:
            Number of bytes taken, possibly 0. The rest, if any, must be sent next.

        Raises:
            OSError: The connection is dead.
        """
        if self._tls:
            return self._send_records(part, start, end)
        try:
            return part.send_to(self._fileno(), start, end)
        except BlockingIOError:
            return 0

    def write(self, pieces: Pieces) -> Pieces:
        """Send what the kernel takes at once, as ``send``; give back what is left."""
        for number, (part, start, end) in enumerate(pieces):
            taken = self.send(part, start, end)
            if taken < end - start:
                return ((part, start + taken, end), *pieces[number + 1 :])
        return ()

    def receive(self, most_bytes: int) -> bytes | None:
        """Take what the client has sent and is here already.

        Returns:
            Empty: the client says no more. None: nothing is here now.

        Raises:
            OSError: The connection is dead.
        """
        try:
            return self._socket.recv(most_bytes)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None

    def _send_records(self, part: Part, start: int, end: int) -> int:
        """Encrypt and send record by record; one that was refused is tried again as it was."""
        at = start
        while at < end:
            try:
                taken = self._socket.send(part.read(at, min(end, at + _TLS_RECORD_BYTES)))
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                break
            if taken == 0:  # so says gevent's socket
                break
            at += taken
        return at - start

    def wait_writable(self, timeout_s: float) -> None:
        """Wait until the kernel takes more, or the time is over."""
        try:
            wait_write(self._fileno(), timeout=timeout_s)
        except TimeoutError:
            return

    def wait_readable(self, timeout_s: float) -> None:
        """Wait until the client has sent something, or the time is over."""
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return  # of a record that was read in part; the kernel has nothing more to tell
        try:
            wait_read(self._fileno(), timeout=timeout_s)
        except TimeoutError:
            return
