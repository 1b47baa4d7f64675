"""The embedded capture with a real child."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from services.api.embedded import EmbeddedCapture
from shared.errors import ProtocolError, RingUnavailable
from shared.naming import segment_paths
from shared.ring.attachment import Attachment, Condition
from shared.ring.lock import WriterLock
from shared.ring.reader import RingReader
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.naming import SegmentPaths
    from shared.settings import Settings

pytestmark = pytest.mark.process


class Follower:
    """Follows the ring as a camera does."""

    def __init__(self, paths: SegmentPaths) -> None:
        self._attachment = Attachment(paths)

    def condition(self) -> Condition:
        self._attachment.refresh()
        return self._attachment.condition

    def lost_for_s(self) -> float:
        """Long enough, once it is lost at all."""
        return 3600.0 if self.condition() is not Condition.LIVE else 0.0

    def close(self) -> None:
        self._attachment.close()


@pytest.fixture
def capture(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmbeddedCapture]:
    monkeypatch.setenv("RINGCAST_CONFIG", str(tmp_path / "config.json"))
    monkeypatch.setenv("RINGCAST_VIDEO__SOURCE", "pattern://160x120@30")
    capture = EmbeddedCapture(settings)
    yield capture
    capture.stop()
    wait_until(
        lambda: "embedded-capture" not in [thread.name for thread in threading.enumerate()],
        "its thread to end",
    )


@pytest.fixture
def follower(capture: EmbeddedCapture) -> Iterator[Follower]:
    with contextlib.closing(Follower(segment_paths(capture.segment))) as follower:
        yield follower


def writer_lives(paths: SegmentPaths) -> bool:
    try:
        reader = RingReader.open(paths)
    except (RingUnavailable, ProtocolError):
        return False
    alive = reader.writer_lives()
    reader.close()
    return alive


def pid_of(capture: EmbeddedCapture) -> int:
    child = capture._child  # noqa: SLF001 - which process it is
    return child.pid if child is not None else 0


def test_capture_writes_its_own_segment_until_it_is_stopped(
    capture: EmbeddedCapture, follower: Follower, segment_name: str
) -> None:
    assert capture.segment == f"{segment_name}_legacy"
    paths = segment_paths(capture.segment)
    capture.start(follower)
    wait_until(lambda: writer_lives(paths), "the capture to write")
    capture.stop()
    capture.stop()
    assert not writer_lives(paths)


def test_child_that_hangs_is_killed_and_replaced(
    capture: EmbeddedCapture, follower: Follower
) -> None:
    capture.start(follower)
    wait_until(lambda: follower.condition() is Condition.LIVE, "the capture to write")
    hanging = pid_of(capture)
    os.kill(hanging, signal.SIGSTOP)
    wait_until(lambda: pid_of(capture) not in {0, hanging}, "another child")
    wait_until(lambda: follower.condition() is Condition.LIVE, "frames again")


def test_two_workers_start_one_child_between_them(
    capture: EmbeddedCapture, follower: Follower, settings: Settings
) -> None:
    other = EmbeddedCapture(settings)
    capture.start(follower)
    other.start(follower)
    try:
        wait_until(lambda: follower.condition() is Condition.LIVE, "one of them to write")
        assert (pid_of(capture) == 0) is not (pid_of(other) == 0)
    finally:
        other.stop()


def test_capture_starts_nothing_while_another_process_writes(
    capture: EmbeddedCapture, follower: Follower
) -> None:
    lock = WriterLock(segment_paths(capture.segment).lock)
    lock.open()
    try:
        for _ in range(3):
            capture._keep_alive_once(follower)  # noqa: SLF001 - as often as it likes
        assert pid_of(capture) == 0
    finally:
        lock.close()


def test_capture_starts_nothing_while_the_worker_shuts_down(
    settings: Settings, follower: Follower
) -> None:
    draining = EmbeddedCapture(settings, lambda: True)
    draining.start(follower)
    assert draining._thread is not None  # noqa: SLF001 - it has nothing to do, so it ends
    draining._thread.join(5.0)  # noqa: SLF001
    assert not draining._thread.is_alive()  # noqa: SLF001
    assert pid_of(draining) == 0


@pytest.mark.parametrize("length", [57, 58, 64])
def test_longest_names_give_possible_segments_of_their_own(settings: Settings, length: int) -> None:
    def segment(name: str) -> str:
        video = settings.video.model_copy(update={"shared_memory_name": name})
        return EmbeddedCapture(settings.model_copy(update={"video": video})).segment

    first, second = segment("a" * length), segment("a" * (length - 1) + "b")
    assert first != second
    segment_paths(first)


def test_child_that_was_being_started_at_the_end_is_ended_too(
    capture: EmbeddedCapture, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    children: list[subprocess.Popen[bytes]] = []
    begin = subprocess.Popen

    def start_late(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - passed on
        capture.stop()
        children.append(begin(*arguments, **options))
        return children[-1]

    monkeypatch.setattr(subprocess, "Popen", start_late)
    capture.start(follower)
    wait_until(lambda: bool(children), "a child")
    wait_until(lambda: children[0].returncode is not None, "its end")
