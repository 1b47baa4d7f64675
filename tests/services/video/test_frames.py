"""Pictures and blanks become frames: of the right kind, in as few rings as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from services.video.frames import FrameWriter
from services.video.sources.source import (
    Grab,
    PictureResized,
    PictureUnreadable,
    Relayed,
    monotonic_ns,
)
from shared.frame import Epoch, Geometry, PixelFormat, Sequence
from shared.ring.reader import RingReader
from tests.support.pictures import telling_jpeg

if TYPE_CHECKING:
    from shared.frame import FrameInfo
    from shared.ring.writer import RingWriter, Slot

RAW = Geometry(320, 240, PixelFormat.BGR24)
JPEG = Geometry(320, 240, PixelFormat.JPEG)


class Source:
    """Gives what it is told to, once each."""

    label = details = "scripted"

    def __init__(self, *gives: bytes | int | Exception) -> None:
        self._gives = list(gives)

    def retrieve(self, slot: Slot) -> Geometry:
        given = self._gives.pop(0)
        if isinstance(given, Exception):
            raise given
        if isinstance(given, int):
            slot.image[:] = given
        else:
            slot.payload[: len(given)] = np.frombuffer(given, np.uint8)
        return slot.geometry


@pytest.fixture
def frames(writer: RingWriter) -> FrameWriter:
    return FrameWriter(writer)


def write(frames: FrameWriter, given: bytes | int) -> FrameInfo:
    if isinstance(given, int):
        grab = Grab(RAW, monotonic_ns())
    else:
        grab = Grab(JPEG, monotonic_ns(), size_bytes=len(given))
    return frames.write_picture(Source(given), grab)  # type: ignore[arg-type]  # scripted


def payload(writer: RingWriter) -> bytes:
    reader = RingReader.open(writer.paths)
    with reader.view(reader.head) as view:
        content = view.payload.tobytes()
    reader.close()
    return content


def test_jpeg_lies_in_the_ring_with_its_own_length(frames: FrameWriter, writer: RingWriter) -> None:
    jpeg = telling_jpeg(3)
    info = write(frames, jpeg)
    assert (info.geometry, info.size_bytes, info.online) == (JPEG, len(jpeg), True)
    assert payload(writer) == jpeg


def test_ring_of_jpegs_is_small_and_not_made_anew_for_a_blank(
    frames: FrameWriter, writer: RingWriter
) -> None:
    online = write(frames, telling_jpeg(3))
    blank = frames.write_blank("no cable")

    assert (blank.epoch, blank.geometry) == (online.epoch, JPEG)
    assert (blank.online, blank.reason) == (False, "no cable")
    image = cv2.imdecode(np.frombuffer(payload(writer), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (240, 320, 3)
    reader = RingReader.open(writer.paths)
    assert reader.total_bytes < RAW.size_bytes
    reader.close()


def test_source_may_change_between_jpegs_and_pixels(
    frames: FrameWriter, writer: RingWriter
) -> None:
    write(frames, 7)
    assert write(frames, telling_jpeg(1)).geometry == JPEG
    assert payload(writer) == telling_jpeg(1)
    assert write(frames, 9).geometry == RAW
    assert set(payload(writer)) == {9}
    assert frames.write_blank("no cable").geometry == RAW


def test_smaller_jpeg_of_another_size_needs_no_new_ring(frames: FrameWriter) -> None:
    before = write(frames, telling_jpeg(1))
    small = Geometry(16, 8, PixelFormat.JPEG)
    after = frames.write_picture(
        Source(b"x"),  # type: ignore[arg-type]  # scripted
        Grab(small, monotonic_ns(), size_bytes=1),
    )
    assert (after.epoch, after.geometry, after.size_bytes) == (before.epoch, small, 1)


def test_what_has_room_is_told_by_the_bytes_it_needs(frames: FrameWriter) -> None:
    now = monotonic_ns()
    assert not frames.has_room(Grab(JPEG, now, size_bytes=1))
    write(frames, telling_jpeg(1))
    assert frames.has_room(Grab(JPEG, now, size_bytes=len(telling_jpeg(1))))
    assert not frames.has_room(Grab(JPEG, now, size_bytes=10**7))
    assert not frames.has_room(Grab(RAW, now))


def test_damaged_picture_leaves_no_frame(frames: FrameWriter, writer: RingWriter) -> None:
    write(frames, telling_jpeg(1))
    damaged = Source(PictureUnreadable("cut off"))
    with pytest.raises(PictureUnreadable):
        frames.write_picture(damaged, Grab(JPEG, monotonic_ns(), size_bytes=5))  # type: ignore[arg-type]
    assert payload(writer) == telling_jpeg(1)


def test_picture_that_is_not_as_promised_goes_in_all_the_same(
    frames: FrameWriter, writer: RingWriter
) -> None:
    other = Geometry(640, 480, PixelFormat.GRAY8)
    resized = Source(PictureResized(other, np.full(other.shape, 99, np.uint8)))
    info = frames.write_picture(resized, Grab(RAW, monotonic_ns()))  # type: ignore[arg-type]
    assert (info.geometry, frames.geometry, frames.wanted) == (other, other, other)
    assert set(payload(writer)) == {99}


def test_relayed_picture_keeps_what_its_origin_says_and_its_blanks_do_too(
    frames: FrameWriter, writer: RingWriter
) -> None:
    jpeg = telling_jpeg(3)
    said = Relayed(
        (Epoch(99), Sequence(1000)),
        wall_us=1_700_000_000_000_000,
        hops=("gate", "hall"),
        online=False,
        reason="no cable",
        clock=(1_600_000_000_000_000, 50),
        reconnects=2,
    )
    grab = Grab(JPEG, monotonic_ns(), size_bytes=len(jpeg), relayed=said)
    info = frames.write_picture(Source(jpeg), grab)  # type: ignore[arg-type]  # scripted

    assert (info.origin, info.origin_wall_us) == ((99, 1000), 1_700_000_000_000_000)
    assert (info.online, info.reason, info.hops) == (False, "no cable", ("gate", "hall"))
    assert payload(writer) == jpeg
    reader = RingReader.open(writer.paths)
    told = (reader.origin_clock_us, reader.clock_doubt_us, reader.reconnects)
    reader.close()
    assert told == (1_600_000_000_000_000, 50, 2)

    blank = frames.write_blank("nobody answers")
    assert blank.origin == (blank.epoch, blank.sequence), "it is a frame of our own"
    assert (blank.hops, blank.epoch) == (("gate", "hall"), info.epoch)
