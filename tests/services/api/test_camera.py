from __future__ import annotations

import time
from typing import TYPE_CHECKING

import gevent
import pytest

from services.api.advice import CameraNotLive
from services.api.camera import Camera
from services.api.variant import Variant
from shared.errors import RingUnavailable
from shared.frame import FrameInfo, Geometry, MonotonicNs, PixelFormat
from shared.ring.writer import RingWriter
from tests.support.greenlets import turns_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.encoder import Encoder
    from shared.naming import SegmentPaths
    from shared.settings import Settings
    from tests.conftest import Clock

PLAIN = Variant(85)


def test_frame_of_a_living_camera_is_there_at_once(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    newest = write()
    camera.start()
    assert camera.wait_for_frame() == newest
    assert camera.online()
    assert camera.fresh()


def test_who_asks_long_after_the_video_module_went_hears_so_at_once(camera: Camera) -> None:
    camera.start()
    with pytest.raises(CameraNotLive):
        camera.wait_for_frame()  # after what is left of the attach timeout
    started = time.monotonic()
    for _ in range(100):
        with pytest.raises(CameraNotLive, match=r"python -m services\.video"):
            camera.wait_for_frame()
    assert camera.lost_for_s() >= 0.6
    assert time.monotonic() - started < 100 * 0.6, "not a hundred waits"


def test_fresh_frame_is_newer_than_the_request(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    write()
    camera.start()
    asked_at = MonotonicNs(time.monotonic_ns())
    gevent.spawn_later(0.05, write)
    info = camera.wait_for_frame(asked_at, 5.0)
    assert info.captured_at > asked_at


def test_camera_whose_newest_frame_is_old_is_online_but_not_fresh(
    camera: Camera, writer: RingWriter
) -> None:
    slot = writer.begin(Geometry(64, 48, PixelFormat.BGR24))
    writer.commit(slot, MonotonicNs(time.monotonic_ns() - 4_000_000_000))
    camera.start()
    assert camera.online()
    assert not camera.fresh()


def test_who_asks_is_not_sent_away_by_what_was_true_a_moment_ago(
    camera: Camera, write: Callable[..., FrameInfo], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Video Module came back after the subscriber's last look, long after it went."""
    camera.start()
    camera._subscriber.stop()  # noqa: SLF001 - nobody looks any more but who asks
    monkeypatch.setattr(camera, "lost_for_s", lambda: 3600.0)
    camera._attachment._clock = clock  # noqa: SLF001 - lets the next look be a real one
    clock.now_s = time.monotonic() + 10.0
    newest = write()
    assert camera.wait_for_frame() == newest


def test_nobody_waits_for_a_client_that_has_left(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    write()
    camera.start()
    asked_at = MonotonicNs(time.monotonic_ns())
    with pytest.raises(RingUnavailable):
        camera.wait_for_frame(asked_at, 3600.0, gone=lambda: True)


def test_nobody_waits_for_a_frame_while_the_worker_shuts_down(
    paths: SegmentPaths, settings: Settings, encoder: Encoder
) -> None:
    camera = Camera("video", paths, settings, encoder, lambda: True)
    camera.start()
    with pytest.raises(RingUnavailable, match="shutting down"):
        camera.wait_for_frame(MonotonicNs(0), 3600.0)
    camera.stop()


def test_camera_that_gives_nothing_fresh_is_told_apart_from_none(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    write()
    camera.start()
    with pytest.raises(RingUnavailable, match="no fresh frame") as error:
        camera.wait_for_frame(MonotonicNs(time.monotonic_ns()), 0.05)
    assert not isinstance(error.value, CameraNotLive)


def test_who_comes_between_a_new_ring_and_its_first_frame_waits_for_it(
    camera: Camera, paths: SegmentPaths
) -> None:
    geometry = Geometry(64, 48, PixelFormat.BGR24)

    def commit(writer: RingWriter) -> FrameInfo:
        return writer.commit(writer.begin(geometry), MonotonicNs(time.monotonic_ns()))

    with RingWriter(paths, slots=2) as earlier:
        commit(earlier)
        camera.start()
        assert camera.fresh()
    with RingWriter(paths, slots=2) as writer:
        writer.begin(geometry)
        wait = gevent.spawn(camera.wait_for_frame)
        turns_until(camera.online, "the new ring to be attached")
        assert not camera.fresh(), "its newest frame is one of the life before"
        assert not wait.ready()
        info = commit(writer)
        assert wait.get(timeout=5.0) == info
        assert camera.fresh()
