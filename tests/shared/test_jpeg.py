"""What a JPEG says of itself: right for JPEGs, a sentence for everything else."""

from __future__ import annotations

import contextlib
from typing import Final

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.jpeg import STANDARD_TABLES, JpegHeader, check_size, read_header
from tests.support.pictures import telling_jpeg, telling_picture, without_tables

WHOLE: Final = telling_jpeg(7)


def encoded(image: np.ndarray, *options: int) -> bytes:
    done, data = cv2.imencode(".jpg", image, options)
    assert done
    return bytes(data)


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def test_size_is_read_of_color_and_gray() -> None:
    assert read_header(WHOLE) == JpegHeader(320, 240, len(WHOLE), None)
    gray = encoded(np.zeros((11, 23), np.uint8))
    assert read_header(memoryview(gray)) == JpegHeader(23, 11, len(gray), None)


def test_progressive_picture_with_optimized_tables_is_one_too() -> None:
    jpeg = encoded(telling_picture(3), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert read_header(jpeg) == JpegHeader(320, 240, len(jpeg), None)


@pytest.mark.parametrize("padding", [b"\0", b"\0" * 3000, b"\0" * 500_000, b"\xff" * 64, b"junk"])
def test_padding_behind_the_end_does_not_count(padding: bytes) -> None:
    assert read_header(WHOLE + padding).size_bytes == len(WHOLE)


def test_restart_markers_thumbnails_and_fill_bytes_lead_nobody_astray() -> None:
    thumbnail = segment(0xE1, b"Exif\0\0" + telling_jpeg(1))
    jpeg = WHOLE[:2] + thumbnail + b"\xff" * 5 + WHOLE[2:]
    assert read_header(jpeg) == JpegHeader(320, 240, len(jpeg), None)


def test_tables_are_the_ones_everybody_knows() -> None:
    """OpenCV's libjpeg writes them into every JPEG that is not optimized."""
    bare = without_tables(WHOLE)
    header = read_header(bare)
    assert header.tables_at is not None

    mended = bare[: header.tables_at] + STANDARD_TABLES + bare[header.tables_at :]

    assert read_header(mended).tables_at is None
    one, other = (
        cv2.imdecode(np.frombuffer(j, np.uint8), cv2.IMREAD_COLOR) for j in (WHOLE, mended)
    )
    assert one is not None
    assert other is not None
    assert np.array_equal(one, other)
    tables = b"".join(body for marker, body in segments(WHOLE) if marker == 0xC4)
    assert tables == STANDARD_TABLES[4:]


def segments(jpeg: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    at = 2
    while not found or found[-1][0] != 0xDA:
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        found.append((jpeg[at + 1], jpeg[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


SOF = bytes.fromhex("080010001001012200")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "not a JPEG"),
        (b"hello", "not a JPEG"),
        (b"\xff\xd8", "cut off"),
        (b"\xff\xd8\xff", "cut off"),
        (b"\xff\xd8\xff\xe0", "cut off"),
        (b"\xff\xd8\xff\xe0\x00\x01", "segment of 1 bytes"),
        (b"\xff\xd8hello", "no segment at byte 2"),
        (b"\xff\xd8\xff\xd9", "no segment at byte 2"),
        (b"\xff\xd8" + b"\xff" * 10_000, "no segment"),
        (b"\xff\xd8" + segment(0xDA, b"") + b"\xff\xd9", "no size"),
        (b"\xff\xd8" + segment(0xFE, b"") * 1000, "no end of segments"),
        (b"\xff\xd8" + b"\xff\xd0" * 1000, "no end of segments"),
        (b"\xff\xd8" + segment(0xC0, SOF[:4]), "size is cut off"),
        (b"\xff\xd8" + segment(0xC9, SOF), "kind that browsers do not show"),
        (b"\xff\xd8" + segment(0xC3, SOF), "kind that browsers do not show"),
        (b"\xff\xd8" + segment(0xC0, b"\x0c" + SOF[1:]), "components of 12 bits"),
        (b"\xff\xd8" + segment(0xC0, b"\x08\0\0" + SOF[3:]), "16x0"),
        (b"\xff\xd8" + segment(0xC0, SOF[:5] + b"\x02" + SOF[6:]), "2 components"),
        (WHOLE[:-2], "no EOI"),
        (WHOLE[: len(WHOLE) // 2], "no EOI"),
        (WHOLE[:200], "cut off"),
    ],
)
def test_what_nobody_can_show_gets_a_sentence(data: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_header(data)


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer_or_a_sentence(data: bytes) -> None:
    for jpeg in (data, b"\xff\xd8" + data, b"\xff\xd8\xff" + data):
        with contextlib.suppress(ValueError):
            read_header(jpeg)


@settings(max_examples=300)
@given(st.integers(0, 900), st.binary(min_size=1, max_size=8), st.integers(0, len(WHOLE)))
def test_any_damage_gives_an_answer_or_a_sentence(at: int, damage: bytes, cut: int) -> None:
    damaged = (WHOLE[:at] + damage + WHOLE[at + len(damage) :])[:cut]
    with contextlib.suppress(ValueError):
        header = read_header(damaged)
        assert 1 <= header.width <= 65535
        assert 1 <= header.height <= 65535
        assert header.size_bytes <= len(damaged)
        assert header.tables_at is None or 2 <= header.tables_at < header.size_bytes


def test_size_is_compared_before_anybody_decodes() -> None:
    jpeg = telling_jpeg(1)
    check_size(jpeg, 320, 240)
    with pytest.raises(ValueError, match="claims 320x240 pixels, not 640x480"):
        check_size(jpeg, 640, 480)
