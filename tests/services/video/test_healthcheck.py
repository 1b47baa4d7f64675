"""Healthy is what moves, whether or not the source does."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from services.video.healthcheck import find_illness, main
from services.video.sources.source import monotonic_ns
from shared.frame import Geometry, PixelFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.naming import SegmentPaths
    from shared.ring.writer import RingWriter
    from tests.support.video import VideoProcess, Watcher


def write_frame(writer: RingWriter) -> None:
    slot = writer.begin(Geometry(8, 4, PixelFormat.BGR24))
    writer.commit(slot, monotonic_ns(), online=False, reason="lost")


def test_heartbeat_without_frames_is_healthy(writer: RingWriter, paths: SegmentPaths) -> None:
    write_frame(writer)
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(0.01):
            writer.heartbeat()

    beating = threading.Thread(target=beat)
    beating.start()
    illness = find_illness(paths)
    stop.set()
    beating.join()

    assert illness is None


def test_writer_that_does_not_move_hangs(writer: RingWriter, paths: SegmentPaths) -> None:
    write_frame(writer)

    illness = find_illness(paths, look_s=0.2)

    assert illness is not None
    assert "neither a frame nor a heartbeat in 0.2 s" in illness


def test_missing_segment_is_ill(paths: SegmentPaths, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"--video.shared_memory_directory={paths.directory}"]) == 1

    assert capsys.readouterr().err.startswith("unhealthy: ")


def test_wrong_settings_are_ill(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--video.ring.slots=1"]) == 1

    assert "video.ring.slots" in capsys.readouterr().err


@pytest.mark.process
def test_running_video_module_is_healthy(
    start_video: Callable[..., VideoProcess], watcher: Watcher, paths: SegmentPaths
) -> None:
    start_video("--video.source=pattern://64x64@1")
    watcher.wait(lambda info: info.online, "frame")

    assert main([f"--video.shared_memory_directory={paths.directory}"]) == 0


@pytest.mark.process
def test_it_looks_at_the_camera_that_is_named(
    start_video: Callable[..., VideoProcess],
    watcher: Watcher,
    paths: SegmentPaths,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cameras = [
        f"--video.shared_memory_directory={paths.directory}",
        "--cameras.hall.source=pattern://64x64@1",
        "--cameras.door.source=pattern://64x64@1",
        f"--cameras.door.shared_memory_name={paths.name}",
    ]
    start_video(*cameras, "--camera=door")
    watcher.wait(lambda info: info.online, "frame")

    assert main([*cameras, "--camera=door"]) == 0
    assert main([*cameras, "--camera=hall"]) == 1
    assert "hall.ring" in capsys.readouterr().err
