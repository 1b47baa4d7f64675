"""Real slots, real threads; the pictures are decoded again and looked at."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import cv2
import gevent
import numpy as np
import pytest

from services.api.encoder import Encoder
from services.api.imaging import encode_image
from services.api.variant import Variant
from shared.errors import EncodeError, FrameOverwritten
from shared.frame import Geometry, MonotonicNs, PixelFormat, Sequence
from shared.ring.reader import RingReader
from tests.support.greenlets import let_run, turns_until
from tests.support.ring_pictures import encoded
from tests.support.streams import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths
    from shared.ring.writer import RingWriter

PLAIN = Variant(85)
RED_AS: dict[PixelFormat, tuple[int, ...]] = {
    PixelFormat.BGR24: (0, 0, 255),
    PixelFormat.RGB24: (255, 0, 0),
    PixelFormat.BGRA32: (0, 0, 255, 255),
    PixelFormat.RGBA32: (255, 0, 0, 255),
    PixelFormat.GRAY8: (76,),
}


def middle(jpeg: bytes) -> list[int]:
    """Blue, green, red of the pixel in the middle."""
    image = picture(jpeg)
    return [int(value) for value in image[image.shape[0] // 2, image.shape[1] // 2]]


@pytest.mark.parametrize("pixel_format", list(RED_AS))
@pytest.mark.parametrize("variant", [PLAIN, Variant(85, width=32)])
def test_red_stays_red_in_every_pixel_format(
    write: Callable[..., FrameInfo],
    paths: SegmentPaths,
    encoder: Encoder,
    pixel_format: PixelFormat,
    variant: Variant,
) -> None:
    info = write(RED_AS[pixel_format], Geometry(64, 48, pixel_format))
    jpeg = encoded(encoder, RingReader.open(paths), info.sequence, variant)
    expected = [76, 76, 76] if pixel_format is PixelFormat.GRAY8 else [0, 0, 254]
    assert np.abs(np.subtract(middle(jpeg.picture), expected)).max() < 6


def jpeg_of(colour: tuple[int, int, int], quality: int = 50) -> bytes:
    image = np.full((48, 64, 3), colour, np.uint8)
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def write_jpeg(writer: RingWriter, data: bytes) -> FrameInfo:
    geometry = Geometry(64, 48, PixelFormat.JPEG)
    slot = writer.begin(geometry, size_bytes=len(data))
    slot.payload[: len(data)] = np.frombuffer(data, np.uint8)
    return writer.commit(slot, MonotonicNs(time.monotonic_ns()), size_bytes=len(data))


def test_cameras_jpeg_becomes_another_quality_or_size(
    writer: RingWriter, paths: SegmentPaths, encoder: Encoder
) -> None:
    data = jpeg_of((0, 0, 255))
    sequence = write_jpeg(writer, data).sequence
    reader = RingReader.open(paths)
    other = encoded(encoder, reader, sequence, Variant(20, passthrough=False)).picture
    assert other != data
    assert middle(other)[2] > 240
    small = picture(encoded(encoder, reader, sequence, Variant(85, width=32)).picture)
    assert small.shape == (24, 32, 3)


def test_broken_jpeg_is_an_encode_error(
    writer: RingWriter, paths: SegmentPaths, encoder: Encoder
) -> None:
    sequence = write_jpeg(writer, b"\xff\xd8 this is no picture \xff\xd9").sequence
    with pytest.raises(EncodeError):
        encoded(encoder, RingReader.open(paths), sequence, Variant(85, width=32))


def test_frame_that_was_overwritten_is_refused(
    write: Callable[..., FrameInfo], paths: SegmentPaths, encoder: Encoder
) -> None:
    info = write()
    reader = RingReader.open(paths)
    for _ in range(reader.slots):
        write()
    with pytest.raises(FrameOverwritten):
        encoded(encoder, reader, info.sequence, PLAIN)


def test_frame_that_is_overwritten_while_it_is_encoded_is_refused(
    write: Callable[..., FrameInfo],
    paths: SegmentPaths,
    encoder: Encoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the look at the stamp after the encoding this gives a torn picture."""
    info = write()
    reader = RingReader.open(paths)

    def encode_while_the_writer_laps(*arguments: object) -> object:
        data = encode_image(*arguments)  # type: ignore[arg-type]  # as they came
        for _ in range(reader.slots):
            write()
        return data

    monkeypatch.setattr("services.api.encoder.encode_image", encode_while_the_writer_laps)
    with pytest.raises(FrameOverwritten):
        encoded(encoder, reader, info.sequence, PLAIN)


def test_hub_runs_on_while_a_frame_is_encoded(
    write: Callable[..., FrameInfo], paths: SegmentPaths, encoder: Encoder
) -> None:
    info = write((1, 2, 3), Geometry(1920, 1080, PixelFormat.BGR24))
    reader = RingReader.open(paths)
    encoding = [
        gevent.spawn(encoded, encoder, reader, info.sequence, Variant(95)) for _ in range(5)
    ]
    turns = 0
    while not all(one.ready() for one in encoding):
        let_run(0.001)
        turns += 1
    assert all(one.successful() for one in encoding)
    assert turns >= 5, "encoding on the hub would let the loop turn once at most"


def test_blank_repeats_the_last_number_and_fits_the_variant(
    write: Callable[..., FrameInfo], encoder: Encoder
) -> None:
    info = write()
    jpeg = encoder.blank(info.geometry, "gone", info, Variant(85, width=32))
    assert (jpeg.epoch, jpeg.sequence, jpeg.online) == (info.epoch, info.sequence, False)
    assert picture(jpeg.picture).shape == (24, 32, 3)
    unknown = encoder.blank(info.geometry, "never there", None, PLAIN)
    assert (unknown.epoch, unknown.sequence) == (0, Sequence(0))


LARGE = Geometry(1280, 720, PixelFormat.BGR24)


@pytest.fixture
def two() -> Encoder:
    return Encoder(2)


def noise(writer: RingWriter) -> FrameInfo:
    """Write a large frame whose every block differs."""
    slot = writer.begin(LARGE)
    slot.image[:] = np.random.default_rng(1).integers(0, 256, LARGE.shape, np.uint8)
    return writer.commit(slot, MonotonicNs(time.monotonic_ns()))


def is_striped(jpeg: bytes) -> bool:
    return b"\xff\xdd\x00\x04" in jpeg[:2000]  # DRI


def test_large_frames_are_encoded_in_stripes_by_idle_threads(
    writer: RingWriter, paths: SegmentPaths, encoder: Encoder, two: Encoder
) -> None:
    sequence = noise(writer).sequence
    reader = RingReader.open(paths)
    with two.turn:
        striped = encoded(two, reader, sequence, PLAIN).picture
    at_once = encoded(encoder, reader, sequence, PLAIN).picture
    assert is_striped(striped)
    assert not is_striped(at_once)
    assert np.array_equal(picture(striped), picture(at_once))
    with two.turn:
        small = encoded(two, reader, sequence, Variant(85, width=320)).picture
    assert not is_striped(small), "small stripes are not worth it"


def test_stripes_take_no_thread_that_another_frame_has(
    writer: RingWriter, paths: SegmentPaths, two: Encoder
) -> None:
    sequence = noise(writer).sequence
    reader = RingReader.open(paths)
    with two.turn, two.turn:
        assert not is_striped(encoded(two, reader, sequence, PLAIN).picture)
    with two.turn:
        assert is_striped(encoded(two, reader, sequence, PLAIN).picture), (
            "all turns were given back"
        )


def test_turns_are_given_back_after_an_error(
    writer: RingWriter, paths: SegmentPaths, two: Encoder
) -> None:
    broken = b"\xff\xd8 this is no picture \xff\xd9"
    geometry = Geometry(1280, 720, PixelFormat.JPEG)
    slot = writer.begin(geometry, size_bytes=len(broken))
    slot.payload[: len(broken)] = np.frombuffer(broken, np.uint8)
    info = writer.commit(slot, MonotonicNs(time.monotonic_ns()), size_bytes=len(broken))
    reader = RingReader.open(paths)
    with two.turn, pytest.raises(EncodeError):
        encoded(two, reader, info.sequence, Variant(40, passthrough=False))
    assert two.turn.counter == 2


def test_striped_frame_that_is_overwritten_meanwhile_is_refused(
    writer: RingWriter, paths: SegmentPaths, two: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = noise(writer)
    reader = RingReader.open(paths)
    one_writer = threading.Lock()

    def encode_while_the_writer_laps(*arguments: object) -> object:
        data = encode_image(*arguments)  # type: ignore[arg-type]  # as they came
        with one_writer:
            writer.commit(writer.begin(LARGE), MonotonicNs(time.monotonic_ns()))
        return data

    monkeypatch.setattr("services.api.encoder.encode_image", encode_while_the_writer_laps)
    monkeypatch.setattr("services.api.encoder.borders", lambda *_: [*range(0, 721, 144)])
    with two.turn, pytest.raises(FrameOverwritten):
        encoded(two, reader, info.sequence, PLAIN)


def test_jpeg_is_decoded_once_for_all_variants(
    writer: RingWriter, paths: SegmentPaths, encoder: Encoder
) -> None:
    sequence = write_jpeg(writer, jpeg_of((0, 0, 255))).sequence
    reader = RingReader.open(paths)
    before = encoder.decoded
    wanted = [Variant(quality, passthrough=False) for quality in (20, 40, 60)]
    for variant in (*wanted, Variant(40, width=32), Variant(60, width=20)):
        encoded(encoder, reader, sequence, variant)
    assert encoder.decoded == before + 1
    assert encoder.decoded_of(paths.name) == 1


def test_jpeg_says_its_size_its_quality_and_what_it_took(
    write: Callable[..., FrameInfo], paths: SegmentPaths, encoder: Encoder
) -> None:
    info = write()
    reader = RingReader.open(paths)
    jpeg = encoded(encoder, reader, info.sequence, Variant(40, width=32))
    assert (jpeg.width, jpeg.height, jpeg.quality) == (32, 24, 40)
    assert jpeg.encode_ns > 0
    blank = encoder.blank(info.geometry, "gone", info, Variant(40, width=32))
    assert (blank.width, blank.height, blank.quality) == (32, 24, 40)


def test_pictures_are_let_go_when_nobody_asks_any_more(
    writer: RingWriter, paths: SegmentPaths
) -> None:
    """A decoded 4K frame is 25 MB."""
    encoder = Encoder(1)
    sequence = write_jpeg(writer, jpeg_of((0, 0, 255))).sequence
    reader = RingReader.open(paths)
    encoded(encoder, reader, sequence, Variant(40, passthrough=False))
    encoded(encoder, reader, sequence, Variant(50, passthrough=False))
    assert encoder.decoded == 1
    turns_until(lambda: not encoder.pictures, "the pictures are gone")
