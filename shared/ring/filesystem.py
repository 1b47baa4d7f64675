"""What kind of file system a directory is on: a ring belongs into memory, not onto a disk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["IN_MEMORY", "filesystem_of"]

IN_MEMORY: Final = frozenset({"tmpfs", "ramfs", "hugetlbfs"})
_MOUNTS: Final = Path("/proc/self/mountinfo")
_OCTAL: Final = re.compile(rb"\\([0-7]{3})")


def filesystem_of(directory: Path, mounts: bytes | None = None) -> str:
    r"""Kind of the file system that ``directory`` is on, as the kernel names it: ``tmpfs``.

    Of the mount points above it the longest counts, and of equal ones the last: it lies on top.

    Args:
        directory: Need not exist.
        mounts: Mounts to look at instead of this process's own, in the kernel's format.

    Returns:
        Empty when it cannot be known.

    Source: proc_pid_mountinfo(5): field 5 is the mount point, with ``\040`` for a space; the
        field behind the one that is a hyphen is the kind.
    """
    try:
        lines = (_MOUNTS.read_bytes() if mounts is None else mounts).splitlines()
        place = directory.resolve()
    except OSError:
        return ""
    found, kind = Path(), ""
    for line in lines:
        place_fields, _, kind_fields = line.partition(b" - ")
        point = Path(_unescaped(place_fields.split(b" ")[4]))
        if place.is_relative_to(point) and len(point.parts) >= len(found.parts):
            found, kind = point, kind_fields.split(b" ")[0].decode("ascii", "replace")
    return kind


def _unescaped(field: bytes) -> str:
    plain = _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), field)
    return plain.decode("utf-8", "surrogateescape")
