"""Both ends of the notifications, over a real socket."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
import zmq

from shared.doorbell import Hearing, messages, open_doorbell
from shared.errors import ProtocolError
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from shared.notification import Notification
from shared.publisher import Publisher
from tests.support.video import wait_for

if TYPE_CHECKING:
    from shared.naming import SegmentPaths
    from tests.conftest import Clock


def test_doorbell_rings_for_a_publisher_that_comes_later(paths: SegmentPaths) -> None:
    now = MonotonicNs(1)
    geometry = Geometry(4, 2, PixelFormat.BGR24)
    info = FrameInfo(Epoch(7), Sequence(3), now, now, geometry, geometry.size_bytes)
    with zmq.Context() as context, contextlib.closing(open_doorbell(paths, context)) as doorbell:
        assert list(messages(doorbell)) == []
        with Publisher(paths) as publisher:
            wait_for(publisher.watched, "subscription")
            for _ in range(3):
                publisher.publish(info)
            assert doorbell.poll(10_000)
            heard = list(messages(doorbell))
        assert Notification.unpack(heard[0]).sequence == 3
        assert list(messages(doorbell)) == [] or len(heard) < 3


EPOCH = Epoch(7)


def note(paths: SegmentPaths, epoch: Epoch = EPOCH) -> bytes:
    return Notification(paths.topic, epoch, Sequence(1), MonotonicNs(1)).pack()


def is_well(hearing: Hearing) -> bool:
    """Asked through a function, or mypy believes that it never changes."""
    return not hearing.lost


def test_hearing_is_lost_when_frames_come_for_a_second_without_notification(
    paths: SegmentPaths, clock: Clock
) -> None:
    hearing = Hearing(clock)
    clock.advance(60.0)
    assert is_well(hearing), "there were no frames either"
    for _ in range(2):
        hearing.frame_found()
        clock.advance(0.9)
    assert is_well(hearing)
    hearing.heard(note(paths), EPOCH)
    clock.advance(0.2)
    assert is_well(hearing)
    hearing.frame_found()
    clock.advance(1.0)
    assert is_well(hearing), "its notification may be on its way"
    hearing.frame_found()
    clock.advance(1.0)
    assert hearing.lost
    assert hearing.silent_s == pytest.approx(1.0)
    hearing.renewed()
    assert is_well(hearing)
    clock.advance(60.0)
    assert is_well(hearing), "no frame has come since"
    hearing.frame_found()
    assert hearing.lost


def test_a_slow_source_is_heard_well(paths: SegmentPaths, clock: Clock) -> None:
    hearing = Hearing(clock)
    for _ in range(5):
        hearing.heard(note(paths), EPOCH)
        hearing.frame_found()
        clock.advance(10.0)
        assert is_well(hearing)
        assert hearing.silent_s == 0


def test_strangers_do_not_count_as_heard(paths: SegmentPaths, clock: Clock) -> None:
    hearing = Hearing(clock)
    hearing.frame_found()
    hearing.frame_found()
    clock.advance(1.0)
    with pytest.raises(ProtocolError):
        hearing.heard(paths.topic + b"nonsense", EPOCH)
    hearing.heard(note(paths, Epoch(8)), EPOCH)
    hearing.heard(note(paths), None)
    assert hearing.lost
