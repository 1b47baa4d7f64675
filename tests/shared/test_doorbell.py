"""Both ends of the notifications, over a real socket."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import zmq

from shared.doorbell import messages, open_doorbell
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from shared.notification import Notification
from shared.publisher import Publisher
from tests.support.video import wait_for

if TYPE_CHECKING:
    from shared.naming import SegmentPaths


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
