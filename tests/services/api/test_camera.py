from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING

import gevent
import numpy as np
import pytest

from services.api.advice import CameraNotLive
from services.api.camera import Camera
from services.api.variant import Variant
from shared.errors import FrameDamaged, FrameOverwritten, RingUnavailable
from shared.frame import FrameInfo, Geometry, MonotonicNs, PixelFormat
from shared.ring.writer import RingWriter
from tests.support.greenlets import let_run, turns_until
from tests.support.pictures import telling_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.api.encoder import Encoder
    from shared.naming import SegmentPaths
    from shared.settings import Settings
    from tests.conftest import Clock

PLAIN = Variant(85)


@pytest.fixture
def camera(paths: SegmentPaths, settings: Settings, encoder: Encoder) -> Iterator[Camera]:
    camera = Camera("video", paths, settings, encoder, lambda: False)
    yield camera
    camera.stop()


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
    camera.stop()  # nobody looks any more but who asks
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


def test_wishes_that_make_no_difference_share_a_jpeg(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    info = write()
    camera.start()
    wishes = (PLAIN, Variant(85, passthrough=False), Variant(85, width=5000), Variant(85, 64, 48))
    assert len({id(camera.jpeg(info, variant)) for variant in wishes}) == 1
    assert camera.jpeg(info, Variant(84)) is not camera.jpeg(info, PLAIN)


def test_snapshot_takes_the_newest_if_its_frame_is_overwritten(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    old = write()
    newest = [write() for _ in range(4)][-1]
    camera.start()
    with pytest.raises(FrameOverwritten):
        camera.jpeg(old, PLAIN)
    camera.feed.newest = old
    gevent.spawn(camera.feed.offer, newest)
    assert camera.snapshot(old, PLAIN).sequence == newest.sequence
    assert camera.counters.overwritten == 1


def test_snapshot_that_waits_for_its_turn_is_of_the_newest_frame_then(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    info = write()
    camera.start()
    with camera.turn:
        waiting = gevent.spawn(camera.snapshot, info, PLAIN)
        newest = [write() for _ in range(6)][-1]  # more than the ring has slots
        turns_until(lambda: camera.feed.newest == newest, "the newest frame")
        assert not waiting.ready()
    assert waiting.get(timeout=5.0).sequence == newest.sequence
    assert camera.counters.overwritten == 0


def test_frame_of_an_ended_epoch_is_unavailable(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    old = write()
    camera.start()
    write((1, 2, 3), Geometry(640, 480, PixelFormat.BGR24))
    let_run(0.3)
    with pytest.raises(RingUnavailable):
        camera.jpeg(old, PLAIN)


def test_blank_has_the_size_of_the_last_frame(
    camera: Camera, write: Callable[..., FrameInfo], writer: RingWriter
) -> None:
    assert camera.blank(PLAIN).sequence == 0
    info = write()
    camera.start()
    writer.close()
    blank = camera.blank(Variant(80))
    assert not blank.online
    assert (blank.epoch, blank.sequence) == (info.epoch, info.sequence)


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


def test_blank_of_a_later_life_is_another_one(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    camera.start()
    numbers = []
    for _ in range(2):
        write()
        camera.wait_for_frame()
        numbers.append(camera.blank(PLAIN).sequence)
    assert numbers == [1, 2], "numbers never go back, though both are of the same second"


@pytest.mark.parametrize("variant", [PLAIN, Variant(85, width=5000)])
def test_cameras_own_jpeg_is_passed_on_as_it_is(
    camera: Camera, writer: RingWriter, encoder: Encoder, variant: Variant
) -> None:
    data = np.frombuffer(b"\xff\xd8 whatever the camera gave \xff\xd9", np.uint8)
    slot = writer.begin(Geometry(64, 48, PixelFormat.JPEG), size_bytes=data.nbytes)
    slot.payload[: data.nbytes] = data
    at = MonotonicNs(time.monotonic_ns())
    info = writer.commit(slot, at, size_bytes=data.nbytes)
    camera.start()
    decoded = encoder.decoded
    own = camera.jpeg(info, variant)
    assert own.picture == data.tobytes()
    assert (own.width, own.height, own.quality, own.encode_ns) == (64, 48, None, 0)
    assert (camera.counters.encoded, encoder.decoded) == (0, decoded)


@pytest.fixture
def sealed(paths: SegmentPaths) -> Iterator[RingWriter]:
    """The camera's writer, storing checksums."""
    with RingWriter(paths, slots=4, checksums=True) as writer:
        yield writer


def write_jpeg(writer: RingWriter, jpeg: bytes) -> FrameInfo:
    slot = writer.begin(Geometry(320, 240, PixelFormat.JPEG), size_bytes=len(jpeg))
    slot.payload[: len(jpeg)] = np.frombuffer(jpeg, np.uint8)
    return writer.commit(slot, MonotonicNs(time.monotonic_ns()), size_bytes=len(jpeg))


def write_raw(writer: RingWriter) -> FrameInfo:
    slot = writer.begin(Geometry(64, 48, PixelFormat.BGR24))
    slot.image[:] = 77
    return writer.commit(slot, MonotonicNs(time.monotonic_ns()))


def damage(writer: RingWriter, info: FrameInfo) -> None:
    size = writer.paths.ring.stat().st_size
    stride = (size - 8192) // 4
    with writer.paths.ring.open("r+b") as file:
        file.seek(8192 + info.sequence % 4 * stride + info.size_bytes // 2)
        file.write(b"damage")


@pytest.mark.parametrize("passthrough", [True, False], ids=["passed through", "encoded"])
def test_pictures_carry_their_checksum_and_damaged_ones_are_refused(
    camera: Camera,
    sealed: RingWriter,
    caplog: pytest.LogCaptureFixture,
    passthrough: bool,  # noqa: FBT001 - a parameter
) -> None:
    def write_one() -> FrameInfo:
        return write_jpeg(sealed, telling_jpeg(1)) if passthrough else write_raw(sealed)

    info = write_one()
    camera.start()
    jpeg = camera.jpeg(info, PLAIN)
    assert dict(jpeg.headers)["X-CRC32"] == f"{zlib.crc32(jpeg.picture):08x}"
    other = camera.jpeg(info, Variant(20, passthrough=False))
    assert dict(other.headers)["X-CRC32"] == f"{zlib.crc32(other.picture):08x}"

    info = write_one()
    damage(sealed, info)
    camera._subscriber.look()  # noqa: SLF001 - without waiting for its greenlet
    for variant in (PLAIN, Variant(30, passthrough=False), Variant(30, width=32)):
        with pytest.raises(FrameDamaged):
            camera.jpeg(info, variant)
    gevent.spawn_later(0.05, write_one)
    assert camera.snapshot(info, PLAIN, info.captured_at).sequence == 3
    assert camera.counters.damaged == camera.status()["damaged"] == 1
    assert camera.counters.overwritten == 0
    assert "frame 2 is damaged" in caplog.text


def test_blanks_of_our_own_carry_checksums_where_the_cameras_frames_do(
    camera: Camera, sealed: RingWriter
) -> None:
    write_raw(sealed)
    camera.start()
    blank = camera.blank(PLAIN)
    assert dict(blank.headers)["X-CRC32"] == f"{zlib.crc32(blank.picture):08x}"
