"""Pixels of any frame: right colors, one frame, and a word for whoever lacks OpenCV."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from shared.errors import EncodeError, FrameDamaged, FrameOverwritten
from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.pixels import pixels
from shared.ring.reader import RingReader
from shared.ring.writer import RingWriter
from tests.support.pictures import bars_are_right, number_in, telling_jpeg, telling_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.naming import SegmentPaths

ROOT = Path(__file__).parents[2]
FROM_BGR = {
    PixelFormat.BGR24: None,
    PixelFormat.RGB24: cv2.COLOR_BGR2RGB,
    PixelFormat.BGRA32: cv2.COLOR_BGR2BGRA,
    PixelFormat.RGBA32: cv2.COLOR_BGR2RGBA,
}


@pytest.fixture
def writer(paths: SegmentPaths) -> Iterator[RingWriter]:
    with RingWriter(paths, slots=2, label="test") as writer:
        yield writer


def write_jpeg(writer: RingWriter, jpeg: bytes, width: int = 320, height: int = 240) -> None:
    slot = writer.begin(Geometry(width, height, PixelFormat.JPEG), 100_000)
    slot.payload[: len(jpeg)] = np.frombuffer(jpeg, np.uint8)
    writer.commit(slot, MonotonicNs(1), size_bytes=len(jpeg))


def write_raw(writer: RingWriter, image: np.ndarray, pixel_format: PixelFormat) -> None:
    slot = writer.begin(Geometry(image.shape[1], image.shape[0], pixel_format))
    slot.image[:] = image
    writer.commit(slot, MonotonicNs(1))


@pytest.fixture
def reader(writer: RingWriter) -> Iterator[RingReader]:
    write_jpeg(writer, telling_jpeg(1))
    reader = RingReader.open(writer.paths)
    yield reader
    reader.close()


def test_jpeg_is_decoded(reader: RingReader) -> None:
    with reader.view(reader.head) as view:
        image = pixels(view)
    assert image.shape == (240, 320, 3)
    assert number_in(image) == 1
    assert bars_are_right(image)


def test_gray_jpeg_becomes_color(reader: RingReader, writer: RingWriter) -> None:
    done, data = cv2.imencode(".jpg", telling_picture(5)[:, :, 1])
    assert done
    write_jpeg(writer, bytes(data))
    with reader.view(reader.head) as view:
        assert pixels(view).shape == (240, 320, 3)


@pytest.mark.parametrize("pixel_format", FROM_BGR)
def test_colors_are_right_in_every_pixel_format(
    reader: RingReader, writer: RingWriter, pixel_format: PixelFormat
) -> None:
    conversion = FROM_BGR[pixel_format]
    small = telling_picture(3, 96, 64)
    write_raw(
        writer, small if conversion is None else cv2.cvtColor(small, conversion), pixel_format
    )
    with reader.view(reader.head) as view:
        assert (pixels(view) == small).all()


def test_gray_frame_becomes_color(reader: RingReader, writer: RingWriter) -> None:
    write_raw(writer, telling_picture(3, 96, 64)[:, :, 1], PixelFormat.GRAY8)
    with reader.view(reader.head) as view:
        assert pixels(view).shape == (64, 96, 3)


def test_blue_green_red_is_not_copied(reader: RingReader, writer: RingWriter) -> None:
    write_raw(writer, telling_picture(3, 96, 64), PixelFormat.BGR24)
    with reader.view(reader.head) as view:
        image = pixels(view)
        assert image.ctypes.data == view.payload.ctypes.data
        assert not image.flags.writeable


def test_picture_is_not_turned_by_a_tag_so_that_it_has_the_size_it_claims(
    reader: RingReader, writer: RingWriter
) -> None:
    turned = bytes.fromhex("49492a00080000000100120103000100000006000000" + "00000000")
    content = b"Exif\0\0" + turned
    jpeg = telling_jpeg(4)
    segment = b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content
    write_jpeg(writer, jpeg[:2] + segment + jpeg[2:])
    with reader.view(reader.head) as view:
        assert number_in(pixels(view)) == 4


def immense() -> bytes:
    """A JPEG that claims 65500x65500, which OpenCV refuses with an error of its own."""
    jpeg = telling_jpeg(1)
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + b"\xff\xdc\xff\xdc" + jpeg[at + 4 :]


@pytest.mark.parametrize("jpeg", [b"\xff\xd8\xff\xd9", b"no picture at all", immense()])
def test_damaged_jpeg_says_so(reader: RingReader, writer: RingWriter, jpeg: bytes) -> None:
    write_jpeg(writer, jpeg)
    with reader.view(reader.head) as view, pytest.raises(EncodeError, match="frame 2"):
        pixels(view)


def test_jpeg_that_was_overwritten_is_no_picture(reader: RingReader, writer: RingWriter) -> None:
    view = reader.view(reader.head)
    write_jpeg(writer, telling_jpeg(2))
    write_jpeg(writer, b"something else")  # two slots: this one is in the place of the first

    with pytest.raises(FrameOverwritten):
        pixels(view)
    view.close()


def test_who_lacks_opencv_is_told_what_to_install() -> None:
    program = "import sys; sys.modules['cv2'] = None; import shared.pixels"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert "pip install 'ringcast[opencv]'" in result.stderr


@pytest.mark.parametrize("offset", [-2000, 300], ids=["still a JPEG", "none any more"])
def test_a_damaged_jpeg_gives_no_pixels(paths: SegmentPaths, offset: int) -> None:
    with RingWriter(paths, slots=2, checksums=True) as writer:
        jpeg = telling_jpeg(1)
        write_jpeg(writer, jpeg)
        reader = RingReader.open(paths)
        with paths.ring.open("r+b") as file:
            content = file.read()
            file.seek(content.index(jpeg) + offset % len(jpeg))
            file.write(b"\xff\xd9\xff\xd9")
        view = reader.view(reader.head)
        with pytest.raises(FrameDamaged):
            pixels(view)
        view.close()
        reader.close()


def test_jpeg_that_claims_another_size_than_its_frame_is_not_decoded(
    writer: RingWriter, reader: RingReader
) -> None:
    """A header of 30000x30000 would take gigabytes."""
    jpeg = telling_jpeg(2)
    at = jpeg.index(b"\xff\xc0") + 5
    write_jpeg(writer, jpeg[:at] + (30_000).to_bytes(2, "big") * 2 + jpeg[at + 4 :])
    with (
        reader.view(reader.head) as frame,
        pytest.raises(EncodeError, match="claims 30000x30000 pixels, not 320x240"),
    ):
        pixels(frame)
