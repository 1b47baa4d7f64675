"""The wire format, byte for byte: a change here breaks somebody's client."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.api import mjpeg
from shared.frame import Geometry, PixelFormat
from shared.multipart import MultipartReader

JPEG = b"\xff\xd8picture\xff\xd9"
HEADERS = mjpeg.frame_headers(17, 1795441051856079341, 1795441054_000123, online=True)
GOLDEN = (
    b"Content-Type: image/jpeg\r\n"
    b"Content-Length: 11\r\n"
    b"X-Frame-Number: 17\r\n"
    b"X-Epoch: 1795441051856079341\r\n"
    b"X-Timestamp: 1795441054.000123\r\n"
    b"X-Online: 1\r\n"
    b"\r\n"
    b"\xff\xd8picture\xff\xd9"
    b"\r\n--frame\r\n"
)


def whole(jpeg: bytes, headers: list[tuple[str, str]]) -> bytes:
    return mjpeg.part_header(len(jpeg), headers) + jpeg + mjpeg.TRAILER


def test_part_is_these_bytes() -> None:
    assert whole(JPEG, HEADERS) == GOLDEN


def test_blank_says_that_it_is_none() -> None:
    assert ("X-Online", "0") in mjpeg.frame_headers(1, 1, 0, online=False)


def test_picture_says_its_quality_and_size() -> None:
    assert mjpeg.picture_headers(40, 640, 360) == [("X-Quality", "40"), ("X-Size", "640x360")]
    assert mjpeg.picture_headers(None, 64, 48)[0] == ("X-Quality", "camera")


def test_announced_part_is_picture_and_the_next_announcement() -> None:
    assert mjpeg.TRAILER + mjpeg.NEXT_HEADER == b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n"


@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(1, 300))
def test_strict_reader_gets_out_what_went_in(pictures: list[bytes], piece: int) -> None:
    jpegs = [b"\xff\xd8" + picture + b"\xff\xd9" for picture in pictures]
    body = mjpeg.LEAD
    for number, jpeg in enumerate(jpegs, start=1):
        headers = mjpeg.frame_headers(number, 5, number, online=True)
        body += whole(jpeg, headers)
    body += mjpeg.CLOSING
    reader, seen = MultipartReader(b"frame"), []
    for start in range(0, len(body), piece):
        reader.feed(body[start : start + piece])
        while (part := reader.next_part()) is not None:
            seen.append((part.number, part.jpeg))
    assert seen == list(enumerate(jpegs, start=1))
    assert reader.ended


def test_advance_stream_ends_with_the_closing_boundary_too() -> None:
    reader = MultipartReader(b"frame", advance_headers=True)
    announced = JPEG + mjpeg.TRAILER + mjpeg.NEXT_HEADER
    reader.feed(mjpeg.ADVANCE_LEAD + announced + mjpeg.ADVANCE_CLOSING)
    part = reader.next_part()
    assert part is not None
    assert part.jpeg == JPEG
    assert reader.next_part() is None
    assert reader.ended


def test_checksum_has_eight_digits() -> None:
    assert mjpeg.checksum_headers(0xBEEF) == [("X-CRC32", "0000beef")]


def test_pixels_say_all_that_numpy_needs_to_know() -> None:
    color, gray = (Geometry(64, 48, form) for form in (PixelFormat.BGR24, PixelFormat.GRAY8))
    assert mjpeg.pixel_headers(color) == [
        ("X-Shape", "48,64,3"),
        ("X-Dtype", "uint8"),
        ("X-Pixel-Format", "BGR24"),
        ("X-Stride", "192"),
        ("X-Size", "64x48"),
    ]
    assert dict(mjpeg.pixel_headers(gray))["X-Shape"] == "48,64"
    header = mjpeg.part_header(9216, [], "application/octet-stream")
    assert header == b"Content-Type: application/octet-stream\r\nContent-Length: 9216\r\n\r\n"


def test_times_are_ustreamers_and_only_those_that_are_known() -> None:
    times = dict(mjpeg.ustreamer_times("Time", 10**9, 3 * 10**9, 5 * 10**8, 4 * 10**9))
    assert times == {
        "X-UStreamer-Grab-Begin-Time": "1.000000",
        "X-UStreamer-Grab-End-Time": "1.000000",
        "X-UStreamer-Encode-Begin-Time": "2.500000",
        "X-UStreamer-Encode-End-Time": "3.000000",
        "X-UStreamer-Expose-Begin-Time": "3.000000",
        "X-UStreamer-Expose-Cmp-Time": "3.000000",
        "X-UStreamer-Expose-End-Time": "3.000000",
        "X-UStreamer-Send-Time": "4.000000",
    }
    assert not any("Encode" in name for name, _ in mjpeg.ustreamer_times("Time", 1, 2, 0, 3))
