"""Makes, publishes and opens segments; the only place that maps memory.

A segment appears whole or not at all: it is made under another name and renamed over the old one.
A live inode is never resized or made anew, because a reader's mapping would raise SIGBUS; room is
taken with ``posix_fallocate``, because a sparse file on a full tmpfs raises SIGBUS on first touch.
``multiprocessing.shared_memory`` is not used: a reader's exit unlinks it (cpython#82300).
Source: docs/adr/0003; posix_fallocate(3).
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ..errors import ProtocolError, RingSpaceError, RingUnavailable, SegmentDamaged
from .layout import HEADER_READ_BYTES, SegmentHeader, State, Word
from .lock import advice_on
from .owner import check_owner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..naming import SegmentPaths

__all__ = [
    "Mapping",
    "boot_id",
    "create_segment",
    "free_bytes",
    "open_segment",
    "remove_leftovers",
    "unlink_segment",
]

_MODE: Final = 0o640
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM)
_STATE: Final = struct.Struct("<Q")


class Mapping:
    """A mapped segment.

    There is no ``close``: the memory is unmapped when the last array over it is gone, because an
    array that outlived an explicit unmap would crash the process (numpy#23305).

    Attributes:
        header: The immutable part of its header.
        words: The file as machine words, for stamps and the header's mutable fields.
        payload: ``uint8[total_bytes]`` over the whole file; read-only in readers.
        inode: Number of the file behind it.
    """

    def __init__(self, memory: mmap.mmap, header: SegmentHeader, inode: int) -> None:
        self.header = header
        self._memory = memory
        self._immutable = header.regions
        self.words = memoryview(memory).cast("Q")
        self.payload: NDArray[np.uint8] = np.frombuffer(memory, np.uint8)
        self.inode = inode

    @property
    def whole(self) -> bool:
        """Whether the file still has its size (0.5 us): to touch what was cut off is SIGBUS.

        It may be cut off right after the question; then the process ends, and is started again.
        """
        return self._memory.size() == self.header.total_bytes

    def damage(self, head: int) -> str:
        """What somebody else has done to size and header, half a sentence; empty: nothing (1 us).

        Args:
            head: The newest frame, as its writer knows it.
        """
        words = self.words
        if not self.whole:
            size = self._memory.size()
            return f"was cut or extended from {self.header.total_bytes} to {size} bytes"
        if any(self._memory[at : at + len(data)] != data for at, data in self._immutable.items()):
            return "has a header that was overwritten"
        if (words[Word.STATE], words[Word.HEAD]) != (State.LIVE, head):
            return (
                f"says that it is in state {words[Word.STATE]} at frame {words[Word.HEAD]}, and "
                f"is in state {State.LIVE} at frame {head}"
            )
        return ""

    def mark(self, state: State) -> None:
        """Tell readers the state, if the page with the word is still there."""
        if self._memory.size() >= self.header.header_bytes:
            self.words[Word.STATE] = state


def boot_id() -> bytes:
    """The kernel's boot id, 16 bytes: a segment with another one outlived a reboot."""
    text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    return bytes.fromhex(text.replace("-", ""))


def free_bytes(directory: Path) -> int:
    """Bytes the file system of ``directory`` has left for this user."""
    room = os.statvfs(directory)
    return room.f_bavail * room.f_frsize


def create_segment(
    paths: SegmentPaths, header: SegmentHeader, *, reserve_bytes: int, advice: str
) -> Mapping:
    """Make a segment and publish it under its name; what was there before is marked RETIRED.

    The caller holds the writer's lock.

    Args:
        paths: Where.
        header: What, see ``SegmentHeader.plan``.
        reserve_bytes: Room that must stay free beside it.
        advice: What an operator can do when there is not enough, a sentence or two.

    Raises:
        RingSpaceError: Not enough room; an old segment stays as it is.
        RingUnavailable: The directory is gone, or something that cannot be replaced has the name.
    """
    need = header.total_bytes + reserve_bytes
    try:
        free = free_bytes(paths.directory)
        if need > free:
            raise RingSpaceError(paths.directory, need, free, advice)
        return _make(paths, header)
    except OSError as error:
        if error.errno in _NO_ROOM:  # somebody else was faster, or a quota is less than it seems
            raise RingSpaceError(
                paths.directory, need, free_bytes(paths.directory), advice
            ) from error
        raise RingUnavailable(paths.ring, f"cannot be made: {error.strerror}") from error


def _make(paths: SegmentPaths, header: SegmentHeader) -> Mapping:
    temporary = paths.temporary()
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(fd, 0, header.total_bytes)
        populate = mmap.MAP_SHARED | mmap.MAP_POPULATE
        memory = mmap.mmap(fd, header.total_bytes, flags=populate)
        for at, data in header.regions.items():
            memory[at : at + len(data)] = data
        mapping = Mapping(memory, header, os.fstat(fd).st_ino)
        mapping.words[Word.STATE] = State.LIVE
        os.fchmod(fd, _MODE)
        _replace(temporary, paths.ring)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    return mapping


def _replace(temporary: Path, ring: Path) -> None:
    """Rename ``temporary`` over ``ring``, then tell the old inode's readers."""
    old = _open_ours(ring)
    try:
        temporary.rename(ring)
        if old is not None:
            os.pwrite(old, _STATE.pack(State.RETIRED), Word.STATE * 8)
    finally:
        if old is not None:
            os.close(old)


def _open_ours(ring: Path) -> int | None:
    """Descriptor of the segment at ``ring`` for marking it, None if there is none of ours."""
    try:
        fd = os.open(ring, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        SegmentHeader.unpack(os.pread(fd, HEADER_READ_BYTES, 0))
    except (OSError, ProtocolError):
        os.close(fd)
        return None
    return fd


def unlink_segment(paths: SegmentPaths, state: State) -> None:
    """Mark the segment that has the name with ``state`` and take the name away.

    The caller holds the writer's lock. Memory is freed when the last reader lets go.
    """
    fd = _open_ours(paths.ring)
    if fd is not None:
        try:
            os.pwrite(fd, _STATE.pack(state), Word.STATE * 8)
        finally:
            os.close(fd)
    if not paths.ring.is_dir():
        paths.ring.unlink(missing_ok=True)


def remove_leftovers(paths: SegmentPaths) -> None:
    """Clear away what a writer that was killed left behind. The caller holds the writer's lock.

    Raises:
        RingUnavailable: It belongs to somebody else and this user may not remove it.
    """
    try:
        for temporary in paths.directory.glob(paths.temporary_pattern):
            temporary.unlink(missing_ok=True)
        unlink_segment(paths, State.RETIRED)
    except OSError as error:
        left = Path(os.fsdecode(error.filename or paths.ring))
        why = f"what an earlier writer left cannot be removed: {error.strerror}"
        raise RingUnavailable(left, f"{why}; {advice_on(left)}") from error


def open_segment(paths: SegmentPaths) -> Mapping:
    """Map the live segment read-only, having checked everything that can be checked.

    Raises:
        RingUnavailable: There is none, it is retired, cut, a stranger's, or this user may not read
            it.
        ProtocolError: What is there is of another version; ``SegmentDamaged``: none, or damaged.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        fd = os.open(paths.ring, flags)
    except OSError as error:
        raise RingUnavailable(paths.ring, error.strerror or str(error)) from error
    try:
        status = os.fstat(fd)
        check_owner(paths.ring, status)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & stat.S_IWOTH:
            msg = f"{paths.ring} is not a regular file that only its owner and group can write"
            raise SegmentDamaged(msg)
        header = SegmentHeader.unpack(os.pread(fd, HEADER_READ_BYTES, 0))
        allocated = status.st_blocks * 512
        if status.st_size != header.total_bytes or allocated < header.total_bytes:
            raise RingUnavailable(
                paths.ring,
                f"somebody has cut or extended it: it should have {header.total_bytes} bytes, has "
                f"{status.st_size} ({allocated} allocated)",
            )
        if header.boot_id != boot_id():
            raise RingUnavailable(paths.ring, "left over from before a reboot")
        memory = mmap.mmap(fd, header.total_bytes, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # ValueError: it shrank since we asked for its size
        raise RingUnavailable(paths.ring, f"cannot be mapped: {error}") from error
    finally:
        os.close(fd)
    mapping = Mapping(memory, header, status.st_ino)
    state = mapping.words[Word.STATE]
    if state != State.LIVE:
        raise RingUnavailable(paths.ring, f"the writer has ended it (state {state})")
    return mapping
