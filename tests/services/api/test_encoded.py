"""What is sent of one frame, from a real slot and from any buffer."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from services.api import mjpeg
from services.api.encoded import Made, framed
from services.api.encoding import Encoding
from services.api.variant import Variant
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from shared.ring.reader import RingReader
from tests.support.ring_pictures import encoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from services.api.encoder import Encoder
    from shared.naming import SegmentPaths

PLAIN = Variant(85)
AT = MonotonicNs(10**12)
INFO = FrameInfo(Epoch(7), Sequence(3), AT, AT, Geometry(64, 48, PixelFormat.JPEG), 4)
PICTURE = b"\xff\xd8picture\xff\xd9"


def test_part_says_what_it_is(
    write: Callable[..., FrameInfo], paths: SegmentPaths, encoder: Encoder
) -> None:
    info = write(online=False, reason="unplugged")
    jpeg = encoded(encoder, RingReader.open(paths), info.sequence, PLAIN)
    headers = dict(jpeg.headers)
    assert headers["X-Frame-Number"] == str(info.sequence)
    assert headers["X-Epoch"] == str(info.epoch)
    assert headers["X-Online"] == "0"
    assert abs(float(headers["X-Timestamp"]) - time.time()) < 5


@pytest.mark.parametrize("size_bytes", [100, 100_000])
def test_both_kinds_of_clients_get_stretches_of_one_part(size_bytes: int) -> None:
    picture = bytes(size_bytes)
    jpeg = framed(INFO, picture)
    header = mjpeg.part_header(size_bytes, jpeg.headers)
    assert jpeg.part.read(*jpeg.whole) == header + picture + mjpeg.TRAILER
    assert jpeg.part.read(*jpeg.advance) == picture + mjpeg.TRAILER + mjpeg.NEXT_HEADER
    assert jpeg.picture == picture


@pytest.mark.parametrize(
    "data", [PICTURE, memoryview(PICTURE), np.frombuffer(PICTURE, np.uint8)], ids=type
)
def test_any_buffer_of_bytes_becomes_a_part(data: bytes | memoryview | NDArray[np.uint8]) -> None:
    jpeg = framed(INFO, data)
    assert jpeg.picture == PICTURE
    assert jpeg.size_bytes == len(PICTURE)


def test_picture_is_copied_so_that_its_buffer_may_be_written_again() -> None:
    buffer = np.zeros(50_000, np.uint8)
    jpeg = framed(INFO, buffer)
    buffer[:] = 1
    assert jpeg.picture == bytes(50_000)


def test_jpeg_says_what_encoding_it_took() -> None:
    as_it_was, encoded = (
        framed(INFO, PICTURE),
        framed(INFO, PICTURE, Made(85, (32, 24)), encode_ns=5_000_000),
    )
    assert (as_it_was.encode_ns, as_it_was.quality) == (0, None)
    assert (as_it_was.width, as_it_was.height) == (64, 48)
    assert (encoded.encode_ns, encoded.quality) == (5_000_000, 85)
    assert (encoded.width, encoded.height) == (32, 24)


def test_part_tells_a_checksum_where_there_is_one() -> None:
    assert dict(framed(INFO, PICTURE, checksum=1).headers)["X-CRC32"] == "00000001"
    assert "X-CRC32" not in dict(framed(INFO, PICTURE).headers)


def test_frame_of_y4m_is_its_word_and_the_planes() -> None:
    frame = framed(INFO, PICTURE, Made(size=(4, 2), encoding=Encoding.I420))
    assert frame.part.read(*frame.plain) == b"FRAME\n" + PICTURE
    assert frame.picture == PICTURE


def test_part_of_pixels_says_their_order() -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    made = Made(size=(64, 48), encoding=Encoding.RGB24, pixel_format=PixelFormat.RGB24)
    frame = framed(INFO, pixels, made)
    header = mjpeg.part_header(pixels.nbytes, frame.headers, "application/octet-stream")
    assert dict(frame.headers)["X-Pixel-Format"] == "RGB24"
    assert frame.part.read(*frame.whole) == header + pixels.tobytes() + mjpeg.TRAILER


def test_relayed_frame_says_what_its_origin_said_and_the_way_it_came() -> None:
    info = replace(
        INFO,
        origin_epoch=Epoch(99),
        origin_sequence=Sequence(1000),
        origin_wall_us=1_700_000_000_000_001,
        hops=("gate", "hall"),
    )
    jpeg = framed(info, PICTURE)
    headers = dict(jpeg.headers)
    assert (headers["X-Epoch"], headers["X-Frame-Number"]) == ("99", "1000")
    assert headers["X-Timestamp"] == "1700000000.000001"
    assert headers["X-Hops"] == "gate,hall"
    assert jpeg.origin == info.origin
    assert (jpeg.captured_wall_us, jpeg.hops) == (1_700_000_000_000_001, ("gate", "hall"))


@pytest.mark.parametrize("hops", [(), ("gate",)])
def test_parts_of_an_origin_are_as_they_always_were(hops: tuple[str, ...]) -> None:
    headers = dict(framed(replace(INFO, hops=hops), PICTURE).headers)
    assert list(headers) == [
        *("X-Frame-Number", "X-Epoch", "X-Timestamp", "X-Online", "X-Quality", "X-Size"),
    ]
