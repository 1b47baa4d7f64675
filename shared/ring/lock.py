"""The writer's lock: one writer per camera, and "is it alive" for everybody else.

An open-file-description lock (``F_OFD_SETLK``) is dropped by the kernel when the writer's process
ends, however it ends; whether it is held can be asked from any container, with read permission only
and without taking it. Process ids could not do that: they differ between pid namespaces.
Source: fcntl(2), "Open file description locks"; docs/adr/0004.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import struct
import weakref
from typing import TYPE_CHECKING, Final

from ..errors import RingUnavailable, WriterConflict
from .owner import check_owner

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WriterLock", "WriterProbe", "advice_on"]

log = logging.getLogger(__name__)

_FLOCK: Final = struct.Struct("hhqqi4x")
_MODE: Final = 0o640


def _flock(kind: int) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0)


class WriterLock:
    """Held by the one writer of a camera from ``open`` to ``close``.

    The descriptor is close-on-exec: children made with fork only would keep the lock alive.

    Args:
        path: The lock file; made if missing, removed by ``close``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fds: list[int] = []

    @property
    def held(self) -> bool:
        """Whether this process holds the lock."""
        return bool(self._fds)

    def open(self) -> None:
        """Take the lock.

        Raises:
            WriterConflict: Another process holds it.
            RingUnavailable: The file cannot be made or opened, or is a stranger's.
        """
        while True:
            fd = self._open_locked()
            if _is_file_of(self._path, fd):
                break
            os.close(fd)  # its last owner removed it between our open and our lock: take the next
        if os.fstat(fd).st_uid == os.geteuid():
            os.fchmod(fd, _MODE)  # whatever the umask: readers of the group must be able to ask
        self._fds.append(fd)

    def _open_locked(self) -> int:
        """Descriptor of the file, locked; somebody may have removed its name meanwhile."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            fd = os.open(self._path, flags, _MODE)
        except OSError as error:
            advice = advice_on(self._path)
            raise RingUnavailable(self._path, f"{error.strerror}; {advice}") from error
        try:
            check_owner(self._path, os.fstat(fd))
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK))
        except OSError as error:
            os.close(fd)
            if error.errno in (errno.EAGAIN, errno.EACCES):
                raise WriterConflict(self._path) from error
            raise RingUnavailable(self._path, f"cannot be locked: {error.strerror}") from error
        except RingUnavailable:
            os.close(fd)
            raise
        return fd

    def keep(self) -> None:
        """Take the lock anew if somebody removed its file; else new readers would not find it.

        The old file's lock is held on, for readers that know it by its descriptor.

        Raises:
            WriterConflict: Another process was faster; two would write this camera.
            RingUnavailable: The file cannot be made.
        """
        if not _is_file_of(self._path, self._fds[-1]):
            log.warning("%s was removed or replaced; taking it anew", self._path)
            self.open()

    def close(self) -> None:
        """Remove the file while it is still locked, then let the lock go; again is harmless.

        Removed, so that the next writer may be another user; while locked, so that it can only be
        ours. Whoever opened it before that finds in ``open`` that it has lost its name.
        """
        while self._fds:
            fd = self._fds.pop()
            if _is_file_of(self._path, fd):
                with contextlib.suppress(PermissionError):  # another user's file: it may stay
                    self._path.unlink(missing_ok=True)
            os.close(fd)


def advice_on(path: Path) -> str:
    """What an operator can do about a file of a camera that is in the way."""
    try:
        owner = path.lstat().st_uid
    except OSError:
        return (
            "check that the directory exists and this user may write there "
            "(RINGCAST_VIDEO__SHARED_MEMORY_DIRECTORY)"
        )
    return (
        f"it belongs to user {owner}: a Video Module of that user runs, or was killed; stop it and "
        "remove the file, or choose another RINGCAST_VIDEO__SHARED_MEMORY_NAME"
    )


def _is_file_of(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(fd))
    except FileNotFoundError:
        return False


class WriterProbe:
    """Asks, without taking anything, whether a writer holds the lock. Owned by one reader.

    The descriptor is closed by ``close``, or with the last reference to this object.

    Args:
        path: The lock file.

    Raises:
        RingUnavailable: There is no lock file, it is a stranger's, or this user may not read it.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise RingUnavailable(path, error.strerror or str(error)) from error
        self._close = weakref.finalize(self, os.close, self._fd)
        check_owner(path, os.fstat(self._fd))

    def writer_lives(self) -> bool:
        """True while some process holds the writer's lock (1.5 us)."""
        answer = fcntl.fcntl(self._fd, fcntl.F_OFD_GETLK, _flock(fcntl.F_RDLCK))
        kind: int = _FLOCK.unpack(answer)[0]
        return kind != fcntl.F_UNLCK

    def close(self) -> None:
        """Close the descriptor; again is harmless."""
        self._fd = -1
        self._close()
