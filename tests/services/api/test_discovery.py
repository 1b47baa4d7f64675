"""Discovery in a directory of its own, with real rings; time is moved by hand."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from services.api import complaints
from services.api import discovery as module
from services.api.cameras import Cameras, UnknownCamera
from services.api.discovery import Discovery
from services.api.ledger import Ledger
from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.naming import segment_paths
from shared.ring.attachment import Condition
from shared.ring.writer import RingWriter
from tests.support.greenlets import turns_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.settings import Settings
    from tests.conftest import Clock

GRACE_S = 10.0
SMALL = Geometry(64, 48, PixelFormat.BGR24)


@pytest.fixture
def directory() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="test-", dir="/dev/shm"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def write(directory: Path) -> Iterator[Callable[[str], RingWriter]]:
    """Begin to write a ring; what is still written at the end is ended."""
    writers: list[RingWriter] = []

    def write_one(name: str) -> RingWriter:
        writer = RingWriter(segment_paths(name, directory), slots=2)
        writer.open()
        writers.append(writer)
        slot = writer.begin(SMALL)
        slot.image[:] = np.uint8(90)
        writer.commit(slot, MonotonicNs(time.monotonic_ns()))
        return writer

    yield write_one
    for writer in writers:
        writer.close()


def there(settings: Settings, directory: Path, *, discover: bool = False) -> Settings:
    video = settings.video.model_copy(update={"shared_memory_directory": directory})
    api = settings.api.model_copy(update={"discover_cameras": discover})
    return settings.model_copy(update={"video": video, "api": api})


@pytest.fixture
def cameras(settings: Settings, directory: Path) -> Iterator[Cameras]:
    """Of a worker that runs and discovers nothing by itself."""
    cameras = Cameras(there(settings, directory))
    cameras.start(SimpleNamespace(alive=True), Ledger().take())
    yield cameras
    cameras.stop()


@pytest.fixture
def discovery(cameras: Cameras, directory: Path, clock: Clock, settings: Settings) -> Discovery:
    segments = settings.camera_segments().values()
    return Discovery(cameras, directory, set(segments), GRACE_S, clock)


def found(cameras: Cameras) -> list[str]:
    """Those beside the cameras of the settings."""
    return cameras.names()[2:]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.WARNING and record.name == complaints.__name__
    ]


def test_ring_that_appears_is_a_camera_and_has_gone_when_it_is_missing_for_the_grace(
    cameras: Cameras, discovery: Discovery, write: Callable[[str], RingWriter], clock: Clock
) -> None:
    discovery.look()
    assert found(cameras) == []
    writer = write("door")
    discovery.look()
    assert found(cameras) == ["door"]
    camera = cameras.named("door")
    assert camera.online()
    writer.close()
    camera.look()
    discovery.look()
    clock.advance(GRACE_S - 0.1)
    discovery.look()
    assert cameras.named("door") is camera
    assert "Start its Video Module" in camera.advice()
    clock.advance(0.2)
    discovery.look()
    assert found(cameras) == []
    assert camera.stopped
    with pytest.raises(UnknownCamera, match="Known cameras: video, garage"):
        cameras.named("door")
    write("door")
    discovery.look()
    assert cameras.named("door") is not camera


def test_restart_of_a_video_module_is_no_vanishing(
    cameras: Cameras, discovery: Discovery, write: Callable[[str], RingWriter], clock: Clock
) -> None:
    writer = write("door")
    discovery.look()
    camera = cameras.named("door")
    for _ in range(4):
        writer.close()
        camera.look()
        discovery.look()
        clock.advance(GRACE_S * 0.9)
        writer = write("door")
        discovery.look()
    assert cameras.named("door") is camera


def test_camera_that_is_watched_stays_until_nobody_does(
    cameras: Cameras,
    discovery: Discovery,
    write: Callable[[str], RingWriter],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = write("door")
    discovery.look()
    camera = cameras.named("door")
    writer.close()
    camera.look()
    monkeypatch.setattr(camera, "clients", lambda: 1)
    discovery.look()
    clock.advance(10 * GRACE_S)
    discovery.look()
    assert found(cameras) == ["door"]
    monkeypatch.setattr(camera, "clients", lambda: 0)
    discovery.look()
    assert found(cameras) == []


def test_only_rings_of_cameras_are_found(
    cameras: Cameras, discovery: Discovery, directory: Path, write: Callable[[str], RingWriter]
) -> None:
    for name in ("door", "gate-2", "A_b"):
        write(name)
    for name in (
        "door~q85.ring",
        "door.lock",
        "mosaic.ring",
        "mosaic-0123456789abcdef.ring",
        "door.ring.tmp.0123456789abcdef",
        "psm_1234",
        ".ring",
    ):
        (directory / name).touch()
    discovery.look()
    assert found(cameras) == ["A_b", "door", "gate-2"]


def test_ring_of_a_configured_camera_is_not_listed_twice(
    cameras: Cameras,
    discovery: Discovery,
    settings: Settings,
    write: Callable[[str], RingWriter],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for segment in settings.camera_segments().values():
        write(segment)
    write("garage")
    for _ in range(3):
        discovery.look()
    assert cameras.names() == ["video", "garage"]
    (warning,) = warnings(caplog)
    assert warning.startswith("garage.ring is not served: the settings have another camera")


def test_name_that_cannot_be_in_a_url_is_said_once_and_again_after_it_was_gone(
    cameras: Cameras,
    discovery: Discovery,
    directory: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ring = directory / "front.door.ring"
    for _ in range(2):
        ring.touch()
        for _ in range(3):
            discovery.look()
        ring.unlink()
        discovery.look()
        discovery.look()
    assert found(cameras) == []
    assert len(warnings(caplog)) == 2
    assert "front.door.ring is not served: a camera's name has only" in warnings(caplog)[0]


def test_foreign_damaged_and_newer_rings_are_listed_with_what_is_wrong(
    cameras: Cameras,
    discovery: Discovery,
    directory: Path,
    write: Callable[[str], RingWriter],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (directory / "short.ring").write_bytes(b"x")
    (directory / "junk.ring").write_bytes(os.urandom(8192))
    (directory / "folder.ring").mkdir()
    (directory / "link.ring").symlink_to(directory / "door.ring")
    os.mkfifo(directory / "pipe.ring")
    write("newer").close()
    write("door")
    header = bytearray((directory / "door.ring").read_bytes())
    header[8] = 99
    (directory / "newer.ring").write_bytes(header)
    (directory / "newer.lock").touch()
    (directory / "strange.ring").touch()
    monkeypatch.setattr(module, "_is_believed", lambda ring: ring.stem != "strange")
    discovery.look()
    told = {name: cameras.named(name) for name in found(cameras)}
    assert list(told) == [
        *("door", "folder", "junk", "link", "newer", "pipe", "short", "strange"),
    ]
    for name, camera in told.items():
        status = cameras.status(camera)
        assert status["online"] is (name == "door"), name
        assert bool(status["why"]) is (name != "door"), name
    assert told["newer"].condition() is Condition.INCOMPATIBLE
    assert "version 99" in told["newer"].why()


def test_no_more_are_found_than_there_is_room_for_and_it_is_said_once(
    cameras: Cameras,
    discovery: Discovery,
    directory: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "_MOST", 2)
    for name in ("a", "b", "c", "d"):
        (directory / f"{name}.ring").touch()
    for _ in range(3):
        discovery.look()
    assert found(cameras) == ["a", "b"]
    (warning,) = warnings(caplog)
    assert warning.startswith("c.ring is not served: 2 cameras were found already. Remove what")
    (directory / "a.ring").unlink()
    discovery.look()
    clock.advance(GRACE_S + 1)
    discovery.look()
    discovery.look()
    assert found(cameras) == ["b", "c"]


def test_strangers_cannot_take_the_room_of_others(
    cameras: Cameras,
    discovery: Discovery,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "_MOST_STRANGERS", 2)
    monkeypatch.setattr(module, "_is_believed", lambda ring: not ring.stem.startswith("s"))
    for name in ("s1", "s2", "s3", "s4", "ours"):
        (directory / f"{name}.ring").touch()
    discovery.look()
    (directory / "zoo.ring").touch()
    discovery.look()
    assert found(cameras) == ["ours", "s1", "s2", "zoo"]
    (warning,) = warnings(caplog)
    assert warning.startswith("s3.ring is not listed: it belongs to another user, as 2 others do")


def test_files_beyond_number_make_a_look_no_longer_and_nobody_is_left_out(
    cameras: Cameras,
    discovery: Discovery,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST_TRIED", 4)
    for number in range(20):
        (directory / f"no.camera{number}.ring").touch()
    for name in ("a", "zoo"):
        (directory / f"{name}.ring").touch()
    tried: list[str] = []

    def is_none(name: str) -> bool:
        tried.append(name)
        return False

    with monkeypatch.context() as none_is_possible:
        none_is_possible.setattr(module, "is_camera_name", is_none)
        discovery.look()
    assert len(tried) == 4
    for _ in range(6):
        discovery.look()
    assert found(cameras) == ["a", "zoo"]


def test_who_asks_for_a_camera_that_has_just_come_need_not_wait_for_the_next_look(
    settings: Settings, directory: Path, write: Callable[[str], RingWriter]
) -> None:
    cameras = Cameras(there(settings, directory, discover=True))
    cameras.start(SimpleNamespace(alive=True))
    try:
        for name in ("attic", "../door", "mosaic", "x" * 65):
            with pytest.raises(UnknownCamera):
                cameras.named(name)
        write("attic")
        assert cameras.named("attic").online()
        assert found(cameras) == ["attic"]
        write("door")
        turns_until(lambda: found(cameras) == ["attic", "door"], "the next look")
    finally:
        cameras.stop()


def test_what_is_there_at_the_start_is_found_before_anybody_asks(
    settings: Settings, directory: Path, write: Callable[[str], RingWriter]
) -> None:
    write("door")
    cameras = Cameras(there(settings, directory, discover=True))
    cameras.start(SimpleNamespace(alive=True))
    try:
        assert found(cameras) == ["door"]
    finally:
        cameras.stop()


def test_directory_that_is_gone_is_said_once_and_its_cameras_go(
    cameras: Cameras,
    discovery: Discovery,
    directory: Path,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (directory / "door.ring").touch()
    discovery.look()
    aside = directory.rename(directory.with_name(f"{directory.name}-aside"))
    try:
        discovery.look()
        clock.advance(GRACE_S + 1)
        discovery.look()
        assert found(cameras) == []
        (warning,) = warnings(caplog)
        assert "video.shared_memory_directory" in warning
    finally:
        aside.rename(directory)
    discovery.look()
    assert found(cameras) == ["door"]


def test_directory_that_cannot_be_read_lets_no_camera_go(
    cameras: Cameras,
    discovery: Discovery,
    directory: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (directory / "door.ring").touch()
    discovery.look()

    def refuse(_: Path) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("services.api.discovery.os.listdir", refuse)
    for _ in range(3):
        clock.advance(GRACE_S + 1)
        discovery.look()
    assert found(cameras) == ["door"]
    assert len(warnings(caplog)) == 1


def test_look_that_fails_is_not_the_last_one(
    settings: Settings,
    directory: Path,
    write: Callable[[str], RingWriter],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cameras = Cameras(there(settings, directory, discover=True))
    cameras.start(SimpleNamespace(alive=True))
    try:
        with monkeypatch.context() as broken:
            broken.setattr(cameras, "open", lambda *_, **__: 1 / 0)
            write("door")
            turns_until(lambda: "looking for cameras failed" in caplog.text, "a failure")
        turns_until(lambda: found(cameras) == ["door"], "the next look")
    finally:
        cameras.stop()
