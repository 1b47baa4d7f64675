from __future__ import annotations

from typing import TYPE_CHECKING

import gevent
import pytest

from services.api.camera import Camera
from services.api.variant import Variant
from shared.errors import FrameOverwritten
from tests.support.greenlets import turns_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.api.encoder import Encoder
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths
    from shared.settings import Settings

PLAIN = Variant(85)


@pytest.fixture
def camera(paths: SegmentPaths, settings: Settings, encoder: Encoder) -> Iterator[Camera]:
    camera = Camera("video", paths, settings, encoder, lambda: False)
    yield camera
    camera.stop()


def test_snapshot_takes_the_newest_if_its_frame_is_overwritten(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    old = write()
    newest = [write() for _ in range(4)][-1]
    camera.start()
    with pytest.raises(FrameOverwritten):
        camera.darkroom.develop(old, PLAIN)
    camera.feed.newest = old
    gevent.spawn(camera.feed.offer, newest)
    assert camera.snapshot(old, PLAIN).sequence == newest.sequence
    assert camera.counters.overwritten == 1


def test_snapshot_that_waits_for_its_turn_is_of_the_newest_frame_then(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    info = write()
    camera.start()
    with camera.darkroom.turn:
        waiting = gevent.spawn(camera.snapshot, info, PLAIN)
        newest = [write() for _ in range(6)][-1]  # more than the ring has slots
        turns_until(lambda: camera.feed.newest == newest, "the newest frame")
        assert not waiting.ready()
    assert waiting.get(timeout=5.0).sequence == newest.sequence
    assert camera.counters.overwritten == 0
