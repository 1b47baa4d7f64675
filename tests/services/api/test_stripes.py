"""Stripes are encoded by OpenCV and joined here; every pixel is compared."""

from __future__ import annotations

import itertools
import subprocess
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.imaging import encode_image
from services.api.stripes import borders, joined
from shared.errors import EncodeError
from shared.frame import PixelFormat

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def noise(width: int, height: int, *, gray: bool, seed: int = 0) -> NDArray[np.uint8]:
    """Edges, gradients and noise: no two blocks have the same mean."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([x * 5 % 256, y * 3 % 256, (x + y) % 256], axis=-1)
    image = np.clip(image + generator.integers(-40, 40, image.shape), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(image[:, :, 0]) if gray else image


def encoded(image: NDArray[np.uint8], quality: int) -> NDArray[Any]:
    return encode_image(image, PixelFormat.GRAY8 if image.ndim == 2 else PixelFormat.BGR24, quality)


def striped(image: NDArray[np.uint8], quality: int, count: int) -> bytes:
    cuts = borders(image.shape[1], image.shape[0], count)
    stripes = [encoded(image[top:end], quality).data for top, end in itertools.pairwise(cuts)]
    return joined(stripes, image.shape[0])


def pixels(jpeg: bytes | NDArray[Any], flags: int = cv2.IMREAD_UNCHANGED) -> NDArray[Any]:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), flags)
    assert image is not None
    return image


@given(
    size=st.tuples(st.integers(1, 200), st.integers(1, 300)),
    count=st.integers(1, 20),
    quality=st.integers(1, 100),
    colors=st.sampled_from(["gray", "color"]),
    seed=st.integers(0, 3),
)
@settings(max_examples=200, deadline=None)
def test_joined_stripes_are_pixel_for_pixel_the_picture_encoded_at_once(
    size: tuple[int, int], count: int, quality: int, colors: str, seed: int
) -> None:
    image = noise(*size, gray=colors == "gray", seed=seed)
    at_once = pixels(encoded(image, quality))
    together = pixels(striped(image, quality, count))
    assert np.array_equal(at_once, together)


@given(st.integers(1, 70_000), st.integers(1, 70_000), st.integers(1, 64))
def test_borders_cover_the_picture_and_fit_what_a_jpeg_can_say(
    width: int, height: int, count: int
) -> None:
    cuts = borders(width, height, count)
    assert cuts[0] == 0
    assert cuts[-1] == height
    heights = [end - top for top, end in itertools.pairwise(cuts)]
    assert 1 <= len(heights) <= count
    assert all(rows == heights[0] and rows % 16 == 0 for rows in heights[:-1])
    assert 0 < heights[-1] <= heights[0]
    if len(heights) > 1:
        assert -(-width // 8) * heights[0] // 8 <= 0xFFFF


def test_one_stripe_alone_stays_decodable() -> None:
    image = noise(64, 48, gray=False)
    assert np.array_equal(pixels(striped(image, 85, 1)), pixels(encoded(image, 85)))


def test_ffmpeg_decodes_joined_stripes_without_a_complaint(tmp_path: Path) -> None:
    image = noise(322, 250, gray=False)
    results = []
    for name, jpeg in (("whole", encoded(image, 85).tobytes()), ("striped", striped(image, 85, 4))):
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(jpeg)
        ran = subprocess.run(
            ["ffmpeg", "-v", "warning", "-i", path, "-f", "rawvideo", "-pix_fmt", "yuvj420p", "-"],
            capture_output=True,
            check=True,
        )
        results.append(ran.stdout)
        assert b"rror" not in ran.stderr
    assert results[0] == results[1]
    assert len(results[0]) == 322 * 250 * 3 // 2


@pytest.mark.parametrize(
    "other",
    [
        pytest.param((64, 48, 40), id="another quality"),
        pytest.param((80, 48, 85), id="another width"),
    ],
)
def test_stripes_of_different_pictures_are_refused(other: tuple[int, int, int]) -> None:
    first = encoded(noise(64, 48, gray=False), 85).data
    second = encoded(noise(*other[:2], gray=False), other[2]).data
    with pytest.raises(EncodeError, match="different tables"):
        joined([first, second], 96)


def test_stripe_that_does_not_end_with_a_row_of_blocks_is_refused() -> None:
    stripe = encoded(noise(64, 40, gray=False), 85).data
    with pytest.raises(EncodeError, match="cannot be joined"):
        joined([stripe, stripe], 80)


@pytest.mark.parametrize("broken", [b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"no picture at all"])
def test_what_is_no_jpeg_is_refused(broken: bytes) -> None:
    with pytest.raises(EncodeError, match="no whole baseline"):
        joined([memoryview(broken)], 48)


def test_progressive_jpeg_is_refused() -> None:
    image = noise(64, 48, gray=False)
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1]
    with pytest.raises(EncodeError, match="no whole baseline"):
        joined([data.data], 48)
