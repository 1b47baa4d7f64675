"""The bytes of one part, written once and sent to every client from there.

A part lies in a file of memory (``memfd``), and ``splice`` lays references to the file's pages into
each client's socket: nothing is copied per client. The kernel keeps the pages until the last slow
client has them, and nobody can write over them, as would happen in a slot of the ring: each part
has a file of its own, which closes with the last reference to the part.

A small part is as cheaply copied as referred to, so it is plain bytes; and so is every part where
the settings say so, or where the kernel gives no such file.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import logging
import os
import time
import weakref
from typing import TYPE_CHECKING, Final, Protocol

from shared.meter import Throttle

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "SMALLEST_FILE_BYTES",
    "BytesPart",
    "FilePart",
    "Part",
    "Piece",
    "Pieces",
    "make_part",
    "use_files",
]

log = logging.getLogger(__name__)

SMALLEST_FILE_BYTES: Final = 32_768
"""From this size on a file pays; the measurement is in docs/adr/0015."""

_PIPE_BYTES: Final = 1 << 20
"""What the kernel gives to anybody; /proc/sys/fs/pipe-max-size."""


class Part(Protocol):
    """Bytes that never change, the same object for everybody."""

    @property
    def size_bytes(self) -> int:
        """Length of the whole."""
        ...

    def send_to(self, fd: int, start: int, end: int) -> int:
        """Send bytes ``start`` to ``end``, or as many of them as a non-blocking socket takes.

        Returns:
            Number of bytes taken, at least 1.

        Raises:
            BlockingIOError: It takes none now.
            OSError: The connection is dead.
        """
        ...

    def read(self, start: int, end: int) -> bytes:
        """Copy bytes ``start`` to ``end`` out."""
        ...


Piece = tuple[Part, int, int]
"""Bytes of a part, from the one place to the other."""

Pieces = tuple[Piece, ...]


class BytesPart:
    """A part in the worker's own memory; every client's socket gets a copy.

    Args:
        pieces: Buffers that make up the part; copied.
    """

    __slots__ = ("_view", "size_bytes")

    def __init__(self, pieces: Sequence[bytes | memoryview]) -> None:
        self._view = memoryview(b"".join(pieces))
        self.size_bytes: Final = self._view.nbytes

    def send_to(self, fd: int, start: int, end: int) -> int:
        """Copy bytes into the socket, see ``Part``."""
        return os.write(fd, self._view[start:end])

    def read(self, start: int, end: int) -> bytes:
        """Copy bytes out, see ``Part``."""
        return bytes(self._view[start:end])


class FilePart:
    """A part in a file of memory, which closes with the last reference to this object.

    Args:
        pieces: Buffers that make up the part; copied.

    Raises:
        OSError: There is no such file on this system, no memory or no descriptor left.
    """

    __slots__ = ("__weakref__", "_fd", "size_bytes")

    def __init__(self, pieces: Sequence[bytes | memoryview]) -> None:
        self._fd: Final = os.memfd_create("ringcast-part")
        weakref.finalize(self, os.close, self._fd)
        self.size_bytes: Final = os.writev(self._fd, pieces)
        if self.size_bytes != sum(map(len, pieces)):
            raise OSError("a memory file took a part in part only")

    def send_to(self, fd: int, start: int, end: int) -> int:
        """Have the socket refer to the file's pages, see ``Part``."""
        return _pipe().send(self._fd, fd, start, end)

    def read(self, start: int, end: int) -> bytes:
        """Copy bytes out, see ``Part``."""
        return os.pread(self._fd, end - start, start)


class _Pipe:
    """What ``sendfile`` does, but all pages of a part at a time instead of 16.

    ``splice`` has a pipe at one end, always: the pages go through this one, which is empty before
    and after. Measured beside ``sendfile`` in docs/adr/0015.
    """

    def __init__(self) -> None:
        self._outlet, self._inlet = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        weakref.finalize(self, os.close, self._outlet)
        weakref.finalize(self, os.close, self._inlet)
        with contextlib.suppress(OSError):  # a small one does as well, in more steps
            fcntl.fcntl(self._inlet, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def send(self, file: int, socket: int, start: int, end: int) -> int:
        """Move references to bytes ``start`` to ``end`` of a file into a socket, see ``Part``."""
        at = start
        while at < end:
            inside = os.splice(file, self._inlet, end - at, at)
            taken = 0
            try:
                taken = os.splice(self._outlet, socket, inside)
            except BlockingIOError:
                if at == start:
                    raise
            finally:
                if taken < inside:  # what the socket did not take must not go to the next one
                    os.read(self._outlet, inside - taken)
            at += taken
            if taken < inside:
                break
        return at - start


@functools.cache
def _pipe() -> _Pipe:
    """The one of this process; only its hub sends, and never waits in between."""
    return _Pipe()


class _Policy:
    """Which parts become files. One per worker process, as its descriptors are."""

    def __init__(self) -> None:
        self.files = True
        self._complaint = Throttle(60.0)

    def make(self, pieces: Sequence[bytes | memoryview]) -> Part:
        if self.files and sum(map(len, pieces)) >= SMALLEST_FILE_BYTES:
            try:
                return FilePart(pieces)
            except OSError as error:
                self._complain(error)
        return BytesPart(pieces)

    def _complain(self, error: OSError) -> None:
        if self._complaint.ready(time.monotonic()) is not None:
            log.warning("no memory file for a part (%s): clients are sent copies", error)


_policy: Final = _Policy()


def use_files(*, enabled: bool) -> None:
    """Say whether parts of this process may be files from now on; at first they may."""
    _policy.files = enabled


def make_part(pieces: Sequence[bytes | memoryview]) -> Part:
    """Keep a part for sending, in a file if that pays.

    Args:
        pieces: Buffers of bytes that make up the part, one after the other; copied.
    """
    return _policy.make(pieces)
