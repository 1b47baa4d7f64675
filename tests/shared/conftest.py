"""A directory of its own on the kernel's tmpfs for every test."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from shared.frame import Geometry, PixelFormat
from shared.naming import SegmentPaths, segment_paths
from shared.ring.writer import RingWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

TINY: Final = Geometry(48, 32, PixelFormat.BGR24)


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where crashed processes may leave what they want."""
    folder = Path("/dev/shm") / f"ringcast-{secrets.token_hex(4)}"  # noqa: S108 - the real tmpfs
    folder.mkdir(mode=0o750)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def paths(directory: Path) -> Iterator[SegmentPaths]:
    """A camera's paths; nothing may be left at the end."""
    camera = segment_paths("camera", directory)
    yield camera
    assert [path.name for path in directory.iterdir()] == []


@pytest.fixture
def writer(paths: SegmentPaths) -> Iterator[RingWriter]:
    """An open writer of four slots; no segment yet."""
    with RingWriter(paths, slots=4, label="pattern") as open_writer:
        yield open_writer
