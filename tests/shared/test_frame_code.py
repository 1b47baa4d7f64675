"""The code in the picture survives JPEG and scaling, and shows what is torn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.frame_code import FrameCode, draw_code, read_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES = ((1920, 1080), (1280, 720), (640, 480), (3840, 2160), (641, 481), (1366, 768))

codes = st.builds(
    FrameCode,
    sequence=st.integers(0, 2**32 - 1),
    captured_wall_us=st.integers(0, 2**56 - 1),
)


def background(kind: str, width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    image = np.empty((height, width, 3), np.uint8)
    if kind == "noise":
        image[:] = np.random.default_rng(seed).integers(0, 256, image.shape, np.uint8)
    else:
        image[:] = {"black": 0, "white": 255, "gray": 128}[kind]
    return image


def through_jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    encoded, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert encoded
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


def halved(image: NDArray[np.uint8], interpolation: int) -> NDArray[np.uint8]:
    size = (image.shape[1] // 2, image.shape[0] // 2)
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), np.uint8)


@settings(max_examples=40, deadline=None)
@given(
    code=codes,
    size=st.sampled_from(SIZES),
    kind=st.sampled_from(("noise", "black", "white", "gray")),
    interpolation=st.sampled_from((cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST)),
)
def test_code_survives_half_size_and_then_jpeg_at_quality_30(
    code: FrameCode, size: tuple[int, int], kind: str, interpolation: int
) -> None:
    image = background(kind, *size)
    draw_code(image, code)

    assert read_codes(through_jpeg(halved(image, interpolation), 30)) == (code, code)


@settings(max_examples=25, deadline=None)
@given(code=codes, size=st.sampled_from(SIZES[:3]), quality=st.integers(30, 100))
def test_code_survives_jpeg_and_then_half_size(
    code: FrameCode, size: tuple[int, int], quality: int
) -> None:
    image = background("noise", *size)
    draw_code(image, code)

    received = through_jpeg(image, quality)

    assert read_codes(received) == (code, code)
    assert read_codes(halved(received, cv2.INTER_AREA)) == (code, code)


@settings(max_examples=25, deadline=None)
@given(code=codes, width=st.integers(52, 900), height=st.integers(54, 700))
def test_code_reads_back_from_a_raw_picture_of_any_size(
    code: FrameCode, width: int, height: int
) -> None:
    image = background("noise", width, height)
    draw_code(image, code)

    assert read_codes(image) == (code, code)


@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_code_is_the_same_in_every_number_of_channels(channels: int | None) -> None:
    code = FrameCode(4711, 1_764_000_000_123_456)
    image = np.full((480, 640) if channels is None else (480, 640, channels), 77, np.uint8)

    draw_code(image, code)

    assert read_codes(image) == (code, code)


def test_code_survives_limited_range_contrast() -> None:
    code = FrameCode(1, 2)
    image = background("noise", 1280, 720)
    draw_code(image, code)

    washed_out = (image * (219 / 255) + 16).astype(np.uint8)

    assert read_codes(washed_out) == (code, code)


def test_torn_picture_shows_two_different_codes() -> None:
    older, newer = background("gray", 1280, 720), background("gray", 1280, 720)
    draw_code(older, FrameCode(7, 1000))
    draw_code(newer, FrameCode(8, 2000))

    torn = np.concatenate([newer[:400], older[400:]])

    assert read_codes(torn) == (FrameCode(8, 2000), FrameCode(7, 1000))


def test_damaged_strip_reads_as_none_and_leaves_the_other_alone() -> None:
    code = FrameCode(99, 1_764_000_000_000_000)
    image = background("gray", 1280, 720)
    draw_code(image, code)
    image[:27, 300:330] ^= 255

    assert read_codes(image) == (None, code)


@pytest.mark.parametrize("kind", ["black", "white", "gray", "noise"])
def test_picture_without_a_code_reads_as_none(kind: str) -> None:
    assert read_codes(background(kind, 1280, 720)) == (None, None)


@pytest.mark.parametrize("shape", [(0, 0, 3), (1, 1, 3), (3, 2), (10, 5000, 3)])
def test_reading_a_picture_of_a_silly_size_is_no_error(shape: tuple[int, ...]) -> None:
    assert read_codes(np.zeros(shape, np.uint8)) == (None, None)


def test_drawing_touches_nothing_but_the_strips() -> None:
    image = background("gray", 1920, 1080)

    draw_code(image, FrameCode(2**32 - 1, 2**56 - 1))

    assert (image[40:1040] == 128).all()
    assert set(np.unique(image[:40])) == {0, 255}
    assert set(np.unique(image[1040:])) == {0, 255}


def test_drawing_into_a_picture_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="needs 52x54 pixels, the image has 48x32"):
        draw_code(np.zeros((32, 48, 3), np.uint8), FrameCode(1, 1))


def test_number_out_of_range_is_refused_and_draws_nothing() -> None:
    image = background("gray", 640, 480)

    with pytest.raises(OverflowError):
        draw_code(image, FrameCode(2**32, 0))

    assert (image == 128).all()


def test_layout_of_the_code_is_fixed() -> None:
    """Golden bytes: readers outside this repository decode them; a change is a new code."""
    assert FrameCode(1, 1_700_000_000_000_000).pack().hex() == "00000001060a24181e4000fe83"
