from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.encoding import Encoding
from services.api.imaging import compress, decode, encode_image, reduction, shrink, to_pixels
from shared.errors import EncodeError
from shared.frame import PixelFormat


def ramp(width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Red grows to the right, green downwards."""
    y, x = np.mgrid[0:height, 0:width]
    image = np.zeros((height, width, 3), np.uint8)
    image[:, :, 2] = x * 255 // max(1, width - 1)
    image[:, :, 1] = y * 255 // max(1, height - 1)
    return image


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 400), st.integers(1, 400))
def test_images_are_brought_to_any_smaller_size(
    width: int, height: int, to_width: int, to_height: int
) -> None:
    size = (min(width, to_width), min(height, to_height))
    small = shrink(ramp(width, height), size)
    assert small.shape == (size[1], size[0], 3)


@pytest.mark.parametrize("size", [(640, 480), (321, 239), (320, 240), (200, 150), (91, 68)])
def test_smaller_images_show_the_same_as_averaging_all_pixels_does(size: tuple[int, int]) -> None:
    image = ramp(640, 480)
    averaged = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    difference = np.abs(shrink(image, size).astype(int) - averaged)
    assert difference.max() <= 20, "nothing lies elsewhere, not even at the edges"
    assert difference.mean() < 2


def test_image_of_the_right_size_is_not_copied() -> None:
    image = ramp(64, 48)
    assert shrink(image, (64, 48)) is image


def test_fine_stripes_become_gray_and_not_wide_stripes() -> None:
    """What linear interpolation alone makes of them: bands of black and white (moire)."""
    image = np.zeros((480, 640), np.uint8)
    image[:, ::2] = 255
    small = shrink(image, (200, 150))
    assert 100 <= small.min() <= small.max() <= 155


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 5000))
def test_reduction_leaves_at_least_what_is_needed(
    width: int, height: int, needed_width: int, needed_height: int
) -> None:
    needed = (min(width, needed_width), min(height, needed_height))
    factor = reduction(width, height, needed)
    assert -(-width // factor) >= needed[0]
    assert -(-height // factor) >= needed[1]


@pytest.mark.parametrize(("size", "factor"), [((640, 360), 2), ((480, 270), 4), ((1, 1), 8)])
def test_reduction_is_the_largest_that_goes(size: tuple[int, int], factor: int) -> None:
    assert reduction(1920, 1080, size) == factor


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
@pytest.mark.parametrize(("width", "height"), [(320, 240), (317, 203)])
def test_jpeg_is_decoded_smaller_with_its_colors(factor: int, width: int, height: int) -> None:
    jpeg = encode_image(ramp(width, height), PixelFormat.BGR24, 95)
    image = decode(jpeg, (width, height), factor)
    assert image.shape == (-(-height // factor), -(-width // factor), 3)
    expected = cv2.resize(ramp(width, height), image.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(image.astype(int) - expected).mean() < 4


def test_what_is_no_jpeg_is_an_encode_error() -> None:
    for data in (b"", b"\xff\xd8 this is no picture \xff\xd9"):
        with pytest.raises(EncodeError, match="cannot be decoded"):
            decode(np.frombuffer(data, np.uint8), (320, 240))


def test_jpeg_that_claims_another_size_than_the_ring_is_not_decoded() -> None:
    """The ring may hold anything; a header of 30000x30000 would take gigabytes."""
    jpeg = encode_image(ramp(320, 240), PixelFormat.BGR24, 95)
    at = jpeg.tobytes().index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = np.frombuffer((30_000).to_bytes(2, "big") * 2, np.uint8)
    with pytest.raises(EncodeError, match="claims 30000x30000 pixels, not 320x240"):
        decode(jpeg, (320, 240))


def test_image_that_opencv_refuses_is_an_encode_error() -> None:
    with pytest.raises(EncodeError, match="cannot be encoded"):
        encode_image(np.zeros((4, 4, 2), np.uint8), PixelFormat.BGR24, 85)
    with pytest.raises(EncodeError, match="made smaller"):
        shrink(np.zeros((4, 4, 3), np.uint8), (2, 0))


def test_image_that_has_the_form_is_not_copied() -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    for encoding in (Encoding.RAW, Encoding.BGR24):
        same, order = to_pixels(image, PixelFormat.BGR24, encoding)
        assert same is image
        assert order is PixelFormat.BGR24


def test_gray_becomes_color_and_planes() -> None:
    gray = np.full((48, 64), 200, np.uint8)
    color, order = to_pixels(gray, PixelFormat.GRAY8, Encoding.RGB24)
    assert (color.shape, order) == ((48, 64, 3), PixelFormat.RGB24)
    assert np.all(color == 200)
    planes, none = to_pixels(gray, PixelFormat.GRAY8, Encoding.I420)
    assert (planes.shape, none) == ((72, 64), None)
    assert np.all(planes[48:] == 128)


def test_what_opencv_refuses_is_an_encode_error() -> None:
    with pytest.raises(EncodeError, match="cannot be converted"):
        to_pixels(np.zeros((3, 3, 3), np.uint8), PixelFormat.BGR24, Encoding.I420)
    with pytest.raises(EncodeError, match="cannot be encoded"):
        compress(np.zeros((1, 16400, 3), np.uint8), PixelFormat.BGR24, Encoding.WEBP, 80)
