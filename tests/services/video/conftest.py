"""Real segments in directories of their own, Video Modules as children, real video files."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from shared.naming import SegmentPaths, segment_paths
from shared.ring.writer import RingWriter
from tests.support.pictures import write_h264
from tests.support.video import VideoProcess, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILE_FRAMES: Final = 30
FILE_FPS: Final = 30


@pytest.fixture
def segment_directory() -> Iterator[Path]:
    """A directory on the tmpfs; nothing may be left in it afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="ringcast_test_", dir="/dev/shm"))
    yield directory
    left = [path.name for path in directory.iterdir()]
    shutil.rmtree(directory)
    assert left == []


@pytest.fixture
def paths(segment_directory: Path) -> SegmentPaths:
    return segment_paths("billiards_video", segment_directory)


@pytest.fixture
def writer(paths: SegmentPaths) -> Iterator[RingWriter]:
    with RingWriter(paths, slots=4, label="test") as writer:
        yield writer


@pytest.fixture
def watcher(paths: SegmentPaths) -> Iterator[Watcher]:
    watcher = Watcher(paths)
    yield watcher
    watcher.close()


@pytest.fixture
def start_video(segment_directory: Path, tmp_path: Path) -> Iterator[Callable[..., VideoProcess]]:
    """Start ``python -m services.video`` with further arguments; killed afterwards."""
    started: list[VideoProcess] = []

    def start(*arguments: str) -> VideoProcess:
        process = VideoProcess(segment_directory, tmp_path / f"video{len(started)}.log", arguments)
        started.append(process)
        return process

    yield start
    for process in started:
        process.close()
        sys.stderr.write(process.log)


@pytest.fixture(scope="session")
def h264_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of telling pictures, made by ffmpeg, with B-frames, 320x240 at 30 fps."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    write_h264(path, FILE_FRAMES, FILE_FPS)
    return path
