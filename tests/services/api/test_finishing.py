"""What variants want of a frame: each form, from each pixel format of a source."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from services.api.encoding import Encoding
from services.api.finishing import developed, drawn_blank
from services.api.kept import KeptFrame
from services.api.pictures import Pictures
from services.api.variant import Variant
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from tests.support.pictures import bars_are_right, telling_jpeg, telling_picture
from tests.support.streams import picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from services.api.encoded import EncodedFrame

BARS = telling_picture(5)
SOURCES: dict[PixelFormat, NDArray[np.uint8]] = {
    PixelFormat.BGR24: BARS,
    PixelFormat.RGB24: BARS[:, :, ::-1].copy(),
    PixelFormat.BGRA32: np.dstack([BARS, np.full((240, 320), 255, np.uint8)]),
    PixelFormat.JPEG: np.frombuffer(telling_jpeg(5), np.uint8),
}


def source(pixel_format: PixelFormat) -> KeptFrame:
    data = SOURCES[pixel_format].reshape(-1)
    at = MonotonicNs(time.monotonic_ns())
    geometry = Geometry(320, 240, pixel_format)
    return KeptFrame(FrameInfo(Epoch(1), Sequence(5), at, at, geometry, data.nbytes), data)


def made(frame: KeptFrame, variant: Variant) -> EncodedFrame:
    size = variant.fit(320, 240)
    return developed(frame, Pictures().of("test", frame.info, size), size, variant)


def pixels(picture: EncodedFrame) -> NDArray[np.uint8]:
    shape = [int(axis) for axis in dict(picture.headers)["X-Shape"].split(",")]
    return np.frombuffer(picture.picture, np.uint8).reshape(shape)


@pytest.mark.parametrize("pixel_format", SOURCES)
@pytest.mark.parametrize("size", [(None, None), (160, None)], ids=["whole", "smaller"])
def test_pixels_have_the_right_colors_in_every_order(
    pixel_format: PixelFormat, size: tuple[int | None, None]
) -> None:
    frame = source(pixel_format)
    for encoding in (Encoding.BGR24, Encoding.RGB24):
        framed = made(frame, Variant(85, *size).become(encoding))
        image = pixels(framed)
        assert image.shape == ((240, 320, 3) if size[0] is None else (120, 160, 3))
        assert bars_are_right(image if encoding is Encoding.BGR24 else image[:, :, ::-1])
        headers = dict(framed.headers)
        assert headers["X-Pixel-Format"] == encoding.name
        assert headers["X-Stride"] == str(image.shape[1] * 3)
        assert headers["X-Dtype"] == "uint8"
        assert framed.encode_ns == 0


@pytest.mark.parametrize("pixel_format", SOURCES)
def test_raw_is_in_the_sources_own_order(pixel_format: PixelFormat) -> None:
    framed = made(source(pixel_format), Variant(85).become(Encoding.RAW))
    headers = dict(framed.headers)
    if pixel_format is PixelFormat.JPEG:
        assert headers["X-Pixel-Format"] == "BGR24"
        assert bars_are_right(pixels(framed))
    else:
        assert headers["X-Pixel-Format"] == pixel_format.name
        assert np.array_equal(pixels(framed), SOURCES[pixel_format])


def test_gray_is_one_channel() -> None:
    framed = made(source(PixelFormat.BGR24), Variant(85).become(Encoding.GRAY8))
    assert np.array_equal(pixels(framed), cv2.cvtColor(BARS, cv2.COLOR_BGR2GRAY))


@pytest.mark.parametrize("pixel_format", SOURCES)
def test_planes_are_limited_range_and_even(pixel_format: PixelFormat) -> None:
    framed = made(source(pixel_format), Variant(85, width=101).become(Encoding.I420))
    assert (framed.width, framed.height) == (100, 76)
    planes = np.frombuffer(framed.picture, np.uint8).reshape(76 * 3 // 2, 100)
    luma = planes[:76]
    assert luma.min() >= 16
    assert luma.max() <= 235
    assert bars_are_right(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420).astype(np.uint8))


def test_png_loses_nothing_and_webp_takes_its_quality() -> None:
    frame = source(PixelFormat.RGB24)
    png = made(frame, Variant(85).become(Encoding.PNG))
    assert np.array_equal(picture(png.picture), BARS)
    assert png.quality is None
    assert "X-Quality" not in dict(png.headers)
    coarse, fine = (made(frame, Variant(q).become(Encoding.WEBP)) for q in (5, 95))
    assert coarse.picture[8:12] == b"WEBP"
    assert coarse.size_bytes < fine.size_bytes
    assert dict(coarse.headers)["X-Quality"] == "5"
    assert coarse.encode_ns > 0


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("pixel_format", PixelFormat)
def test_blank_takes_every_form(encoding: Encoding, pixel_format: PixelFormat) -> None:
    geometry = Geometry(321, 241, pixel_format)
    blank = drawn_blank(geometry, "gone", None, Variant(85).become(encoding))
    assert not blank.online
    assert (blank.width, blank.height) == ((320, 240) if encoding is Encoding.I420 else (321, 241))
    if encoding is Encoding.RAW:
        channels = pixel_format.channels or 3
        assert blank.size_bytes == 321 * 241 * channels
