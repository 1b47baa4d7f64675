"""A subscriber on a real ring and a real PUB socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import zmq

from services.api.feed import Feed
from services.api.subscriber import Subscriber
from shared.notification import Notification
from shared.ring.attachment import Attachment, Condition
from tests.support.greenlets import turns_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths


class Watched(Subscriber):
    """A subscriber with its feed and attachment at hand."""

    def __init__(self, paths: SegmentPaths) -> None:
        self.feed = Feed()
        self.attachment = Attachment(paths)
        super().__init__(paths, self.attachment, self.feed)


@pytest.fixture
def subscriber(paths: SegmentPaths) -> Iterator[Watched]:
    subscriber = Watched(paths)
    yield subscriber
    subscriber.stop()


@pytest.fixture
def publisher(paths: SegmentPaths, zmq_context: zmq.Context[Any]) -> Iterator[zmq.Socket[bytes]]:
    """The Video Module's socket."""
    with zmq_context.socket(zmq.PUB) as publisher:
        publisher.bind(paths.endpoint)
        yield publisher
        publisher.close(linger=0)
        paths.socket.unlink(missing_ok=True)


def test_newest_frame_is_there_after_start(
    write: Callable[..., FrameInfo], subscriber: Watched
) -> None:
    write()
    newest = write()
    subscriber.start()
    assert subscriber.feed.newest == newest


def test_frames_come_without_any_doorbell(
    write: Callable[..., FrameInfo], subscriber: Watched
) -> None:
    write()
    subscriber.start()
    newest = write()
    turns_until(lambda: subscriber.feed.newest == newest, "the look at head")
    assert subscriber.notifications == 0


def test_doorbell_is_heard_and_drained_to_the_newest(
    write: Callable[..., FrameInfo],
    subscriber: Watched,
    paths: SegmentPaths,
    publisher: zmq.Socket[bytes],
) -> None:
    write()
    subscriber.start()

    def ring() -> bool:
        info = write()
        doorbell = Notification(paths.topic, info.epoch, info.sequence, info.published_at)
        publisher.send(doorbell.pack())
        return subscriber.notifications >= 3

    turns_until(ring, "notifications")
    assert subscriber.refused == 0


def test_nonsense_on_the_socket_is_counted_and_harmless(
    write: Callable[..., FrameInfo],
    subscriber: Watched,
    paths: SegmentPaths,
    publisher: zmq.Socket[bytes],
) -> None:
    write()
    subscriber.start()

    def shout() -> bool:
        publisher.send(paths.topic + b"nonsense")
        return subscriber.refused >= 3

    turns_until(shout, "refused messages")
    newest = write()
    turns_until(lambda: subscriber.feed.newest == newest, "frames all the same")


def test_writer_that_comes_later_is_found_and_its_end_is_told(
    subscriber: Watched,
    paths: SegmentPaths,
    write: Callable[..., FrameInfo],
    writer: Any,  # noqa: ANN401
) -> None:
    subscriber.start()
    assert subscriber.attachment.condition is Condition.GONE
    assert subscriber.feed.newest is None
    newest = write()
    turns_until(lambda: subscriber.feed.newest == newest, "the writer to be found")
    writer.close()
    turns_until(lambda: subscriber.attachment.condition is Condition.GONE, "its end")
    assert not paths.ring.exists()


def test_stop_ends_the_greenlet_and_lets_the_ring_go(
    write: Callable[..., FrameInfo], paths: SegmentPaths
) -> None:
    write()
    subscriber = Watched(paths)
    subscriber.start()
    subscriber.stop()
    subscriber.stop()
    assert subscriber.attachment.reader is None


def test_a_stolen_socket_is_left_for_the_right_one(
    write: Callable[..., FrameInfo],
    subscriber: Watched,
    paths: SegmentPaths,
    publisher: zmq.Socket[bytes],
    zmq_context: zmq.Context[Any],
) -> None:
    """Libzmq ends a connection for good when a message is too long."""
    write()
    subscriber.start()

    def shout() -> bool:
        publisher.send(paths.topic + b"nonsense")
        return subscriber.refused > 0

    turns_until(shout, "the connection")
    with zmq_context.socket(zmq.PUB) as right_one:
        paths.socket.unlink()
        right_one.bind(paths.endpoint)

        def ring() -> bool:
            info = write()
            doorbell = Notification(paths.topic, info.epoch, info.sequence, info.published_at)
            right_one.send(doorbell.pack())
            return subscriber.notifications > subscriber.refused

        publisher.send(paths.topic + bytes(1000))
        turns_until(ring, "a notification of the right one")
        right_one.close(linger=0)
