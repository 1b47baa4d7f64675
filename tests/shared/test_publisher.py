"""The doorbell: bound in time, for the right people, never in anybody's way."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

import pytest
import zmq

from shared.errors import RingUnavailable
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from shared.naming import segment_paths
from shared.notification import Notification
from shared.publisher import Publisher
from tests.support.video import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.naming import SegmentPaths


def frame_info(sequence: int) -> FrameInfo:
    return FrameInfo(
        Epoch(77),
        Sequence(sequence),
        MonotonicNs(10),
        MonotonicNs(20),
        Geometry(4, 2, PixelFormat.BGR24),
        24,
    )


@pytest.fixture
def publisher(paths: SegmentPaths) -> Iterator[Publisher]:
    with Publisher(paths) as publisher:
        yield publisher


@pytest.fixture
def subscriber(paths: SegmentPaths) -> Iterator[zmq.Socket[bytes]]:
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.subscribe(paths.topic)
        socket.connect(paths.endpoint)
        yield socket


def first_heard(publisher: Publisher, subscriber: zmq.Socket[bytes], sequence: int) -> Notification:
    """Publish until the subscription has arrived; what is heard then."""

    def heard() -> Notification | None:
        publisher.publish(frame_info(sequence))
        if not subscriber.poll(5):
            return None
        return Notification.unpack(subscriber.recv())

    return wait_for(heard, "notification")


def test_notification_arrives_as_32_bytes_that_name_the_frame(
    publisher: Publisher, subscriber: zmq.Socket[bytes], paths: SegmentPaths
) -> None:
    notification = first_heard(publisher, subscriber, 5)

    assert notification == Notification(paths.topic, Epoch(77), Sequence(5), MonotonicNs(20))


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_socket_is_for_owner_and_group_whatever_the_umask(paths: SegmentPaths, umask: int) -> None:
    before = os.umask(umask)
    try:
        with Publisher(paths):
            assert stat.S_IMODE(paths.socket.stat().st_mode) == 0o660
    finally:
        os.umask(before)


def test_publishing_to_nobody_and_to_somebody_who_never_reads_is_quick_and_no_error(
    publisher: Publisher, subscriber: zmq.Socket[bytes]
) -> None:
    first_heard(publisher, subscriber, 1)

    for sequence in range(1, 20_001):
        publisher.publish(frame_info(sequence))


def test_left_over_socket_file_is_replaced(paths: SegmentPaths) -> None:
    paths.socket.write_text("left by a killed writer", encoding="utf-8")

    with Publisher(paths):
        assert paths.socket.is_socket()


def test_close_removes_the_socket_file_and_may_be_repeated(paths: SegmentPaths) -> None:
    publisher = Publisher(paths)
    publisher.open()

    publisher.close()
    publisher.close()

    assert not paths.socket.exists()


def test_close_leaves_a_successors_socket_alone(paths: SegmentPaths) -> None:
    publisher = Publisher(paths)
    publisher.open()
    paths.socket.unlink()
    paths.socket.touch()

    publisher.close()

    assert paths.socket.exists()
    paths.socket.unlink()


def test_socket_file_that_somebody_removed_comes_back(
    publisher: Publisher, subscriber: zmq.Socket[bytes], paths: SegmentPaths
) -> None:
    first_heard(publisher, subscriber, 1)
    paths.socket.unlink()

    def bound_again() -> bool:
        publisher.check()
        return paths.socket.exists()

    wait_for(bound_again, "socket file")
    assert first_heard(publisher, subscriber, 2).sequence in (1, 2)
    with zmq.Context() as context, context.socket(zmq.SUB) as newcomer:
        newcomer.setsockopt(zmq.LINGER, 0)
        newcomer.subscribe(paths.topic)
        newcomer.connect(paths.endpoint)
        assert first_heard(publisher, newcomer, 3).sequence == 3


def test_directory_that_went_away_is_complained_about_and_survived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "shm"
    directory.mkdir()
    paths = segment_paths("camera", directory)
    with Publisher(paths) as publisher:
        paths.socket.unlink()
        directory.rmdir()

        def complained() -> bool:
            publisher.check()
            return "no notifications until this works" in caplog.text

        wait_for(complained, "complaint")
        publisher.publish(frame_info(1))
        assert publisher.dropped == 1


def test_missing_directory_is_named(tmp_path: Path) -> None:
    publisher = Publisher(segment_paths("camera", tmp_path / "missing"))

    with pytest.raises(RingUnavailable, match="missing"):
        publisher.open()
    publisher.close()


def test_publisher_knows_whether_anybody_is_subscribed(
    publisher: Publisher, paths: SegmentPaths
) -> None:
    assert not publisher.watched()
    with zmq.Context() as context:
        for _ in range(2):
            with context.socket(zmq.SUB) as one, context.socket(zmq.SUB) as other:
                for socket in (one, other):
                    socket.subscribe(paths.topic)
                    socket.connect(paths.endpoint)
                wait_for(publisher.watched, "subscription")
                one.close(linger=0)
                assert publisher.watched()
            wait_for(lambda: not publisher.watched(), "end of the last subscription")


def test_last_notification_arrives_though_the_socket_is_closed_behind_it(
    paths: SegmentPaths,
) -> None:
    with (
        Publisher(paths) as publisher,
        zmq.Context() as context,
        context.socket(zmq.SUB) as subscriber,
    ):
        subscriber.subscribe(paths.topic)
        subscriber.connect(paths.endpoint)
        wait_for(publisher.watched, "subscription")

        publisher.withdraw()
        assert not paths.socket.exists()
        publisher.publish(frame_info(7))
        publisher.close()

        assert subscriber.poll(5000)
        assert Notification.unpack(subscriber.recv()).sequence == 7


def test_withdrawn_publisher_leaves_a_successors_socket_alone(paths: SegmentPaths) -> None:
    with Publisher(paths) as before:
        before.withdraw()
        with Publisher(paths):
            before.close()
            assert paths.socket.is_socket()


def test_context_without_sockets_left_is_a_ring_that_cannot_be_had(paths: SegmentPaths) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
    taken = []
    try:
        with contextlib.suppress(zmq.ZMQError):
            while True:
                taken.append(context.socket(zmq.PUB))
        with pytest.raises(RingUnavailable), Publisher(paths):
            pytest.fail("there is no socket")
    finally:
        for socket in taken:
            socket.close(linger=0)
