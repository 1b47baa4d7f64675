"""VideoConsumer: what a vision module sees, in threads, forks, and through a writer's lives."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import zmq

from shared import consumer as consumer_module
from shared.consumer import Condition, VideoConsumer, VideoModuleNotAvailableError
from shared.errors import FrameOverwritten, ProtocolError, RingUnavailable
from shared.frame import Geometry, MonotonicNs, PixelFormat, Sequence
from shared.naming import segment_paths
from shared.notification import Notification
from shared.ring.reader import RingReader
from shared.ring.writer import RingWriter
from tests.shared.conftest import TINY
from tests.shared.ring.actors import Actor, wait_until
from tests.support.frames import draw_telling, is_telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shared.naming import SegmentPaths
    from shared.ring.view import FrameView

LARGER = Geometry(200, 100, PixelFormat.BGR24)


class Bell:
    """A publisher of notifications; ``ring`` says that the newest frame is there."""

    def __init__(self, paths: SegmentPaths) -> None:
        self._paths = paths
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.bind(paths.endpoint)

    def wait_for_subscriber(self) -> None:
        assert self._socket.poll(30_000)
        assert self._socket.recv() == b"\x01" + self._paths.topic

    def has_subscriber(self) -> bool:
        return bool(self._socket.poll(0))

    def ring(self, message: bytes | None = None) -> None:
        note = Notification(self._paths.topic, 1, 1, 1)  # type: ignore[arg-type]
        self._socket.send(note.pack() if message is None else message, zmq.NOBLOCK)

    def close(self) -> None:
        self._socket.close(linger=0)
        self._context.term()
        self._paths.socket.unlink()


@pytest.fixture
def bell(paths: SegmentPaths) -> Iterator[Bell]:
    made = Bell(paths)
    yield made
    made.close()


@pytest.fixture
def consumer(writer: RingWriter) -> Iterator[VideoConsumer]:
    """Attached to a writer whose first frame is in the ring."""
    write(writer)
    with VideoConsumer(writer.paths.name, directory=writer.paths.directory) as attached:
        yield attached


def write(writer: RingWriter, geometry: Geometry = TINY, frames: int = 1) -> None:
    for _ in range(frames):
        slot = writer.begin(geometry)
        draw_telling(slot.image, slot.sequence)
        writer.commit(slot, MonotonicNs(1))


def condition(consumer: VideoConsumer) -> Condition:
    """Asked through a function, or mypy believes that it never changes."""
    return consumer.condition


def take(consumer: VideoConsumer) -> int:
    """Take the newest frame, and see that it is whole."""
    view = consumer.read_latest()
    assert view is not None
    with view as frame:
        assert is_telling(frame.image, frame.info.sequence)
    return view.info.sequence


def test_each_frame_is_taken_once(consumer: VideoConsumer, writer: RingWriter) -> None:
    assert take(consumer) == 1
    assert consumer.read_latest() is None
    write(writer)
    assert take(consumer) == 2
    assert consumer.read_latest() is None
    assert consumer.dropped == 0


def test_only_the_newest_is_taken_and_those_between_are_counted(
    consumer: VideoConsumer, writer: RingWriter
) -> None:
    take(consumer)
    write(writer, frames=5)
    assert take(consumer) == 6
    assert consumer.dropped == 4


def test_before_the_first_frame_there_is_nothing_new(writer: RingWriter) -> None:
    writer.begin(TINY)
    with VideoConsumer(writer.paths.name, directory=writer.paths.directory) as consumer:
        assert consumer.read_latest() is None
        assert consumer.source == "pattern"


def test_without_a_video_module_it_says_after_the_timeout_how_to_start_one(
    paths: SegmentPaths,
) -> None:
    consumer = VideoConsumer(paths.name, directory=str(paths.directory), attach_timeout_s=0.2)
    begun = time.monotonic()
    with pytest.raises(
        VideoModuleNotAvailableError,
        match=r"^Video Module is not running\. Start it with: python -m services\.video \(looked",
    ):
        consumer.attach()
    assert time.monotonic() - begun >= 0.2
    assert consumer.condition is Condition.GONE
    assert consumer.source == ""


def test_a_video_module_that_starts_within_the_timeout_is_found(paths: SegmentPaths) -> None:
    with Actor("consumer", paths, frames=3) as late, RingWriter(paths) as writer:
        write(writer)
        assert late.hear() == "attached"
        while late.process.poll() is None:
            write(writer)
        assert late.hear()["torn"] == 0


def test_a_video_module_of_another_release_is_a_protocol_error(paths: SegmentPaths) -> None:
    paths.ring.write_bytes(b"RINGCAST\x09\x00".ljust(8192, b"\0"))
    paths.ring.chmod(0o640)
    consumer = VideoConsumer(paths.name, directory=paths.directory, attach_timeout_s=0.0)
    with pytest.raises(ProtocolError, match="run the same release"), consumer:
        pytest.fail("attached to another version")
    paths.ring.unlink()


def test_a_name_that_is_not_valid_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="shared memory name"):
        VideoConsumer("../etc")


def test_reading_without_attaching_says_so(paths: SegmentPaths) -> None:
    consumer = VideoConsumer(paths.name, directory=paths.directory)
    with pytest.raises(RingUnavailable, match="call attach"):
        consumer.read_latest()


def test_attaching_and_closing_again_are_harmless(
    consumer: VideoConsumer,
) -> None:
    consumer.attach()
    assert take(consumer) == 1
    consumer.close()
    consumer.close()
    with pytest.raises(RingUnavailable, match="call attach"):
        consumer.wait_newer(0.0)


def test_a_consumer_can_attach_again_after_close(consumer: VideoConsumer) -> None:
    consumer.close()
    consumer.attach()
    assert take(consumer) == 1


def test_a_failed_attach_leaves_no_descriptor(paths: SegmentPaths) -> None:
    def fail() -> None:
        with (
            contextlib.suppress(VideoModuleNotAvailableError),
            VideoConsumer(paths.name, directory=paths.directory, attach_timeout_s=0.0),
        ):
            pytest.fail("attached to nothing")

    fail()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counting is all
    for _ in range(5):
        fail()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_frame_overwritten_while_it_is_taken_gives_way_to_a_newer_one(
    consumer: VideoConsumer, writer: RingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, turns = RingReader.view, itertools.count()

    def lapped_once(self: RingReader, sequence: Sequence) -> Any:  # noqa: ANN401
        if next(turns) == 0:
            write(writer, frames=4)
        return view(self, sequence)

    monkeypatch.setattr(RingReader, "view", lapped_once)
    assert take(consumer) == 5


def test_a_reader_that_is_lapped_every_time_has_nothing_new(
    consumer: VideoConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lapped(_self: RingReader, sequence: Sequence) -> None:
        raise FrameOverwritten(sequence, 0)

    monkeypatch.setattr(RingReader, "view", lapped)
    assert consumer.read_latest() is None


def test_waiting_ends_with_the_time_when_nothing_new_comes(consumer: VideoConsumer) -> None:
    take(consumer)
    begun = time.monotonic()
    assert consumer.wait_newer(0.3) is None
    assert time.monotonic() - begun >= 0.3


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at head every minute only, so that nothing but the doorbell can wake in time."""
    monkeypatch.setattr(consumer_module, "LOOK_AT_HEAD_S", 60.0)


@pytest.mark.usefixtures("deaf")
def test_the_doorbell_wakes_a_waiting_consumer(
    paths: SegmentPaths, writer: RingWriter, bell: Bell
) -> None:
    write(writer)
    with VideoConsumer(paths.name, directory=paths.directory) as consumer:
        bell.wait_for_subscriber()
        take(consumer)
        bell.ring()
        write(writer)
        bell.ring()
        view = consumer.wait_newer(30.0)
        assert view is not None
        assert view.info.sequence == 2
        view.close()


def test_without_a_doorbell_frames_are_found_by_looking(
    consumer: VideoConsumer, writer: RingWriter
) -> None:
    take(consumer)
    for number in (2, 3):
        write(writer)
        view = consumer.wait_newer(30.0)
        assert view is not None
        assert view.info.sequence == number
        view.close()


@pytest.mark.parametrize("message", [b"", b"x", b"\0" * 32, b"y" * 5000])
def test_a_message_that_is_no_notification_does_no_harm(
    paths: SegmentPaths, writer: RingWriter, bell: Bell, message: bytes
) -> None:
    write(writer)
    with VideoConsumer(paths.name, directory=paths.directory) as consumer:
        bell.wait_for_subscriber()
        bell.ring(message)
        bell.ring(paths.topic + message)
        assert take(consumer) == 1
        assert consumer.wait_newer(0.1) is None


def test_iterating_gives_newer_frames_and_closes_each(
    consumer: VideoConsumer, writer: RingWriter
) -> None:
    seen = []
    for frame in consumer:
        assert frame.valid()
        seen.append(frame)
        if len(seen) == 3:
            break
        write(writer)
    assert [frame.info.sequence for frame in seen] == [1, 2, 3]
    assert not any(frame.valid() for frame in seen[:2])


def test_iterating_waits_for_a_video_module_that_is_gone(paths: SegmentPaths) -> None:
    first = RingWriter(paths)
    first.open()
    write(first)
    with VideoConsumer(paths.name, directory=paths.directory) as consumer:
        frames = iter(consumer)
        assert next(frames).info.sequence == 1
        first.close()
        second = RingWriter(paths)

        def restart() -> None:
            second.open()
            write(second, frames=2)

        restarted = threading.Timer(0.4, restart)
        restarted.start()
        frame = next(frames)
        assert is_telling(frame.image, frame.info.sequence)
        restarted.join(30)
    second.close()


def test_a_change_of_size_and_a_restart_are_survived_and_not_counted_as_dropped(
    paths: SegmentPaths,
) -> None:
    consumer = VideoConsumer(paths.name, directory=paths.directory)
    with RingWriter(paths) as writer:
        write(writer)
        consumer.attach()
        assert take(consumer) == 1
        write(writer, LARGER)
        assert take(consumer) == 2
        write(writer, TINY)
        assert take(consumer) == 3
    assert consumer.read_latest() is None
    assert condition(consumer) is Condition.GONE
    with RingWriter(paths) as writer:
        write(writer, frames=9)
        view = consumer.wait_newer(30.0)
        assert view is not None
        assert view.info.sequence == 9
        view.close()
        assert condition(consumer) is Condition.LIVE
    assert consumer.dropped == 0
    consumer.close()


@pytest.mark.process
@pytest.mark.parametrize("doorbell", [False, True], ids=["no doorbell", "doorbell"])
def test_an_idle_consumer_sleeps(paths: SegmentPaths, doorbell: bool) -> None:  # noqa: FBT001
    with Actor("writer", paths, frames=1, doorbell=doorbell) as writer:
        assert writer.hear() == "first"
        with Actor("idler", paths, quiet_s=1.5) as idler:
            said = idler.hear()
        writer.finish()
    assert said["turns"] <= 1.5 / 0.25 + 3
    assert said["cpu_s"] < 0.15


@pytest.mark.process
def test_several_cameras_with_several_readers_do_not_disturb_each_other(directory: Path) -> None:
    names = ("one", "two", "one.ring")
    with contextlib.ExitStack() as actors:
        cameras = [segment_paths(name, directory) for name in names]
        writers = [
            actors.enter_context(
                Actor("writer", paths, doorbell=True, size=(64 + 16 * place, 48), slots=3)
            )
            for place, paths in enumerate(cameras)
        ]
        for writer in writers:
            assert writer.hear() == "first"
        consumers = [
            actors.enter_context(Actor("consumer", paths, frames=30))
            for paths in cameras
            for _ in range(2)
        ]
        for consumer in consumers:
            assert consumer.hear() == "attached"
            seen = consumer.hear()
            assert (seen["whole"], seen["torn"], seen["backwards"]) == (30, 0, 0)
        for writer in writers:
            writer.finish()
    assert list(directory.iterdir()) == []


@pytest.mark.process
def test_a_killed_publisher_that_is_back_rings_again(directory: Path) -> None:
    paths = segment_paths("camera", directory)
    with contextlib.ExitStack() as actors:
        first = actors.enter_context(Actor("writer", paths, doorbell=True))
        assert first.hear() == "first"
        consumer = actors.enter_context(
            VideoConsumer(paths.name, directory=directory, attach_timeout_s=30.0)
        )
        before = consumer.wait_newer(30.0)
        assert before is not None
        before.close()
        first.kill()
        second = actors.enter_context(Actor("writer", paths, doorbell=True))
        assert second.hear() == "first"
        wait_until(lambda: sees_epoch_after(consumer, before.info.epoch))
        second.finish()


def sees_epoch_after(consumer: VideoConsumer, epoch: int) -> bool:
    view = consumer.wait_newer(1.0)
    if view is None:
        return False
    view.close()
    return view.info.epoch > epoch


def test_it_works_in_a_thread(writer: RingWriter) -> None:
    write(writer)
    taken: list[int] = []

    def look() -> None:
        with VideoConsumer(writer.paths.name, directory=writer.paths.directory) as consumer:
            taken.append(take(consumer))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join(30)
    assert taken == [1]


def drop_without_close(paths: SegmentPaths) -> None:
    consumer = VideoConsumer(paths.name, directory=paths.directory)
    consumer.attach()
    take(consumer)


def close_with_a_view_open(paths: SegmentPaths) -> None:
    with VideoConsumer(paths.name, directory=paths.directory) as consumer:
        view = consumer.read_latest()
    assert view is not None
    assert view.valid()  # what it shows stays mapped


@pytest.mark.parametrize("misuse", [drop_without_close, close_with_a_view_open])
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_consumer_that_is_not_closed_well_leaks_no_descriptor(
    writer: RingWriter, misuse: Callable[[SegmentPaths], None]
) -> None:
    write(writer)
    misuse(writer.paths)
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counting is all
    for _ in range(5):
        misuse(writer.paths)
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.process
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_it_works_in_a_forked_child_beside_the_parents_own(paths: SegmentPaths) -> None:
    """A child that used its parent's ZeroMQ context would hear nothing, and no error either."""
    with Actor("writer", paths, doorbell=True) as writer:
        assert writer.hear() == "first"
        with VideoConsumer(paths.name, directory=paths.directory) as consumer:
            frames = iter(consumer)
            next(frames)
            child = os.fork()
            if child == 0:
                os._exit(see_ten(paths))
            for frame in itertools.islice(frames, 10):
                assert frame.info.online
            frames.close()  # type: ignore[attr-defined]
            _, status = os.waitpid(child, 0)
        writer.finish()
    assert os.waitstatus_to_exitcode(status) == 0


def see_ten(paths: SegmentPaths) -> int:
    """In the child: 0 if ten whole frames were seen."""
    with VideoConsumer(paths.name, directory=paths.directory) as own:
        whole = (is_telling(frame.copy(), frame.info.sequence) for frame in own)
        return 0 if all(itertools.islice(whole, 10)) else 1


def flip_newest(writer: RingWriter, sequence: int, offset: int) -> None:
    """Change a byte behind the stamp of a frame, or, from 192 on, of its payload."""
    page, slots = 4096, 4
    start = page + sequence % slots * 192
    if offset >= 192:
        size = writer.paths.ring.stat().st_size
        start = size - (slots - sequence % slots) * 8192 - 192
    with writer.paths.ring.open("r+b") as file:
        file.seek(start + offset)
        value = file.read(1)[0]
        file.seek(start + offset)
        file.write(bytes([value ^ 1]))


@pytest.mark.parametrize("offset", [8, 44, 152, 170, 192, 500], ids=str)
def test_a_damaged_frame_is_counted_and_never_handed_out(
    paths: SegmentPaths,
    offset: int,
) -> None:
    damaged = int(offset != 170)  # nothing lies there
    with RingWriter(paths, slots=4, checksums=True) as writer:
        write(writer)
        with VideoConsumer(paths.name, directory=paths.directory) as consumer:
            write(writer)
            flip_newest(writer, 2, offset)
            for _ in range(3):
                view = consumer.read_latest()
                if damaged:
                    assert view is None
            assert consumer.damaged == damaged
            write(writer)
            with consumer.wait_newer(5.0) as view:  # type: ignore[union-attr]
                assert is_telling(view.copy(), 3)
            assert (consumer.damaged, consumer.attached) == (damaged, 1)


def test_a_ring_that_somebody_cut_is_waited_out(paths: SegmentPaths) -> None:
    with RingWriter(paths, slots=4) as writer:
        write(writer)
        with VideoConsumer(paths.name, directory=paths.directory) as consumer:
            os.truncate(paths.ring, 0)
            assert consumer.read_latest() is None
            write(writer)
            wait_until(lambda: (view := consumer.read_latest()) and view.info.sequence == 2)
            assert consumer.attached == 2


def test_what_was_overwritten_before_it_was_handed_out_is_counted(
    paths: SegmentPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_view = RingReader.view
    with RingWriter(paths, slots=2) as writer:
        write(writer)
        with VideoConsumer(paths.name, directory=paths.directory) as consumer:

            def lapped(reader: RingReader, sequence: Sequence) -> FrameView:
                monkeypatch.undo()
                write(writer)
                write(writer)
                return real_view(reader, sequence)

            monkeypatch.setattr(RingReader, "view", lapped)
            view = consumer.read_latest()
            assert view is not None
            assert (view.info.sequence, consumer.overwritten) == (3, 1)
            view.close()


def test_a_stolen_socket_is_left_for_the_right_one(
    bell: Bell, consumer: VideoConsumer, writer: RingWriter, paths: SegmentPaths
) -> None:
    """The thief's file was there first; the writer's own is there now, and nobody on it."""
    bell.wait_for_subscriber()
    paths.socket.unlink()
    right_one = Bell(paths)
    heard = threading.Event()

    def wait_and_write() -> bool:
        later = threading.Timer(0.05, write, (writer,))
        with contextlib.ExitStack() as stack:
            if (known := consumer.read_latest()) is not None:
                stack.enter_context(known)
        later.start()
        bell.ring(b"nonsense")
        view = consumer.wait_newer(5.0)
        later.join()
        if view is not None:
            view.close()
        if right_one.has_subscriber():
            heard.set()
        return heard.is_set()

    wait_until(wait_and_write)
    right_one.close()
    paths.socket.touch()  # for the thief to remove
