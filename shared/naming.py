"""What the three files of a camera are called, and how to read the name back.

All three lie side by side in one directory on a tmpfs, because that directory is the only thing the
containers share::

    <name>.ring              the segment; one inode per epoch
    <name>.lock              held by the writer for its life
    <name>.sock              ipc endpoint of the notifications
    <name>.ring.tmp.<hex>    a segment being made; renamed to <name>.ring once it is whole

A variant of a camera (its pictures as JPEG of one size and quality) has the same files, under the
name ``<camera>~<suffix>``. No camera may have a ``~`` in its name, so no two can collide.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = [
    "CAMERA_NAME",
    "DEFAULT_DIRECTORY",
    "DEFAULT_NAME",
    "SegmentPaths",
    "is_camera_name",
    "ring_of_camera",
    "segment_name",
    "segment_paths",
    "variant_paths",
    "variants_left",
]

DEFAULT_DIRECTORY: Final = Path("/dev/shm")  # noqa: S108 - the kernel's own tmpfs, not a temp file
DEFAULT_NAME: Final = "billiards_video"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_CAMERA: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
CAMERA_NAME: Final = f"^{_CAMERA.pattern}$"
"""What names of cameras look like, for who reads descriptions."""

_OF_NO_CAMERA: Final = re.compile(r"mosaic(-[0-9a-f]{16})?")
_SUFFIX: Final = re.compile(r"[a-z0-9]{1,24}")
_VARIANT: Final = re.compile(f"{_NAME.pattern}~{_SUFFIX.pattern}")
_TOKEN_DIGITS: Final = 16
_DIGEST_BYTES: Final = 6
_MAX_SOCKET_PATH: Final = 107
"""Bytes in ``sockaddr_un.sun_path`` less the terminating zero; see unix(7)."""


@dataclass(frozen=True, slots=True)
class SegmentPaths:
    """The files of one camera.

    Attributes:
        name: Segment name, the stem of every file below.
        directory: Where they lie.
    """

    name: str
    directory: Path

    @property
    def ring(self) -> Path:
        """The segment that readers map."""
        return self.directory / f"{self.name}.ring"

    @property
    def lock(self) -> Path:
        """The writer holds an open-file-description lock on it for its whole life."""
        return self.directory / f"{self.name}.lock"

    @property
    def socket(self) -> Path:
        """The Unix socket behind ``endpoint``."""
        return self.directory / f"{self.name}.sock"

    @property
    def endpoint(self) -> str:
        """ZeroMQ endpoint of the notifications."""
        return f"ipc://{self.socket}"

    @property
    def topic(self) -> bytes:
        """The 8 bytes every notification of this camera begins with."""
        return hashlib.blake2b(self.name.encode(), digest_size=8).digest()

    @property
    def temporary_pattern(self) -> str:
        """Glob, below ``directory``, of segments a dead writer may have left half made.

        The number of digits is fixed: another camera may be called ``<name>.ring.tmp.x``.
        """
        return f"{self.name}.ring.tmp." + "[0-9a-f]" * _TOKEN_DIGITS

    def temporary(self) -> Path:
        """Fresh path for a segment that is being made."""
        return self.directory / f"{self.name}.ring.tmp.{secrets.token_hex(_TOKEN_DIGITS // 2)}"


def segment_paths(name: str, directory: Path = DEFAULT_DIRECTORY) -> SegmentPaths:
    """Name the files of one camera.

    Args:
        name: 1 to 64 characters of ``A-Z a-z 0-9 _ . -``, beginning with a letter or digit.
        directory: A directory on a tmpfs.

    Raises:
        ValueError: The name has other characters or another length, or the socket's path is longer
            than the 107 bytes the kernel takes.
    """
    if _NAME.fullmatch(name) is None:
        msg = (
            f"shared memory name {name!r} is not valid: 1 to 64 characters of A-Z a-z 0-9 _ . - "
            "beginning with a letter or digit"
        )
        raise ValueError(msg)
    return _checked(SegmentPaths(name, directory))


def variant_paths(camera: SegmentPaths, suffix: str) -> SegmentPaths:
    """Name the files of one variant of a camera.

    Args:
        camera: The camera's.
        suffix: 1 to 24 characters of ``a-z 0-9``: what the variant is.

    Raises:
        ValueError: The suffix has other characters, or even with a digest for the camera's name the
            socket's path is longer than the 107 bytes the kernel takes.
    """
    if _SUFFIX.fullmatch(suffix) is None:
        msg = f"suffix {suffix!r} of a variant is not valid: 1 to 24 characters of a-z 0-9"
        raise ValueError(msg)
    plain, short = (
        SegmentPaths(f"{stem}~{suffix}", camera.directory) for stem in _variant_stems(camera)
    )
    try:
        return _checked(plain)
    except ValueError:
        return _checked(short)


def variants_left(camera: SegmentPaths) -> list[SegmentPaths]:
    """Every variant of a camera of which there is any file, whoever made it.

    Raises:
        OSError: The directory cannot be read.
    """
    stems = tuple(f"{stem}~" for stem in _variant_stems(camera))
    found = {
        match[0]
        for entry in camera.directory.iterdir()
        if entry.name.startswith(stems)
        if (match := _VARIANT.match(entry.name)) is not None
    }
    return [SegmentPaths(name, camera.directory) for name in sorted(found)]


def _variant_stems(camera: SegmentPaths) -> tuple[str, str]:
    """What names of variants begin with: the camera's name, or a digest where that is too long."""
    digest = hashlib.blake2b(camera.name.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return camera.name, digest


def _checked(paths: SegmentPaths) -> SegmentPaths:
    length = len(bytes(paths.socket))
    if length > _MAX_SOCKET_PATH:
        msg = (
            f"socket path {paths.socket} has {length} bytes; the kernel takes at most "
            f"{_MAX_SOCKET_PATH}: choose a shorter directory or name"
        )
        raise ValueError(msg)
    return paths


def segment_name(ring: Path) -> str:
    """Read the segment name back from the path of its ring.

    Raises:
        ValueError: The path is not one that ``segment_paths`` makes.
    """
    known = _NAME.fullmatch(ring.stem) or _VARIANT.fullmatch(ring.stem)
    if ring.suffix != ".ring" or known is None:
        msg = f"{ring} is not the path of a ring: expected <name>.ring"
        raise ValueError(msg)
    return ring.stem


def is_camera_name(name: str) -> bool:
    """Whether a camera can be called so: it stands in URLs, where ``mosaic`` is something else."""
    return _CAMERA.fullmatch(name) is not None and _OF_NO_CAMERA.fullmatch(name) is None


def ring_of_camera(file: str) -> str | None:
    """Segment name of the camera whose ring a file of this name is; None: it is none.

    Neither are variants, mosaics, and segments that are being made.
    """
    stem, suffix, rest = file.rpartition(".ring")
    if not suffix or rest or _NAME.fullmatch(stem) is None or _OF_NO_CAMERA.fullmatch(stem):
        return None
    return stem
