from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING

import gevent
import numpy as np
import pytest

from services.api.variant import Variant
from shared.errors import FrameDamaged, RingUnavailable
from shared.frame import FrameInfo, Geometry, MonotonicNs, PixelFormat
from shared.ring.writer import RingWriter
from tests.support.greenlets import let_run
from tests.support.pictures import telling_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.api.camera import Camera
    from services.api.encoder import Encoder
    from shared.naming import SegmentPaths

PLAIN = Variant(85)


def test_wishes_that_make_no_difference_share_a_jpeg(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    info = write()
    camera.start()
    wishes = (PLAIN, Variant(85, passthrough=False), Variant(85, width=5000), Variant(85, 64, 48))
    assert len({id(camera.darkroom.develop(info, variant)) for variant in wishes}) == 1
    assert camera.darkroom.develop(info, Variant(84)) is not camera.darkroom.develop(info, PLAIN)


def test_frame_of_an_ended_epoch_is_unavailable(
    camera: Camera, write: Callable[..., FrameInfo]
) -> None:
    old = write()
    camera.start()
    write((1, 2, 3), Geometry(640, 480, PixelFormat.BGR24))
    let_run(0.3)
    with pytest.raises(RingUnavailable):
        camera.darkroom.develop(old, PLAIN)


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
    own = camera.darkroom.develop(info, variant)
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
    jpeg = camera.darkroom.develop(info, PLAIN)
    assert dict(jpeg.headers)["X-CRC32"] == f"{zlib.crc32(jpeg.picture):08x}"
    other = camera.darkroom.develop(info, Variant(20, passthrough=False))
    assert dict(other.headers)["X-CRC32"] == f"{zlib.crc32(other.picture):08x}"

    info = write_one()
    damage(sealed, info)
    camera._subscriber.look()  # noqa: SLF001 - without waiting for its greenlet
    for variant in (PLAIN, Variant(30, passthrough=False), Variant(30, width=32)):
        with pytest.raises(FrameDamaged):
            camera.darkroom.develop(info, variant)
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
