"""The test picture is as heavy as a real one, and its colors are where they are said to be."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.video.sources.scene import BAR_COLORS, Scene, bar_centers


def drawn(width: int, height: int, number: int = 1, at_s: float = 0.0) -> np.ndarray:
    image = np.empty((height, width, 3), np.uint8)
    Scene(width, height, "test").draw(image, number, 1_764_000_000_123_000_000, at_s)
    return image


def test_jpeg_of_1080p_at_quality_85_has_the_size_of_a_real_pictures() -> None:
    encoded, data = cv2.imencode(".jpg", drawn(1920, 1080), [cv2.IMWRITE_JPEG_QUALITY, 85])

    assert encoded
    assert 150_000 < len(data) < 300_000


@pytest.mark.parametrize("size", [(1920, 1080), (640, 480), (320, 240)])
def test_bars_have_their_colors_at_their_centers(size: tuple[int, int]) -> None:
    image = drawn(*size)

    seen = [tuple(int(channel) for channel in image[y, x]) for x, y in bar_centers(*size)]

    assert seen == list(BAR_COLORS)


def test_number_and_time_are_shown_in_the_panel_only() -> None:
    one, two = drawn(1280, 720, number=1), drawn(1280, 720, number=2)

    rows = np.flatnonzero((one != two).any(axis=(1, 2)))

    assert len(rows) > 0
    assert rows[0] >= 0.70 * 720
    assert rows[-1] <= 0.87 * 720


def test_background_has_no_seam() -> None:
    """Where the right edge meets the left one, neighbors differ no more than elsewhere."""
    image = drawn(640, 480, at_s=5.0).astype(int)  # shifted by half the width
    top = image[: 480 * 2 // 3]
    steps = np.abs(np.diff(top, axis=1)).mean(axis=(0, 2))

    seam = 640 - int(5.0 * 0.10 * 640) % 640 - 1

    assert steps[seam] < steps.mean() + 4 * steps.std()


@pytest.mark.parametrize("size", [(64, 64), (65, 333), (333, 65)])
def test_scene_can_be_drawn_at_odd_sizes_at_any_time(size: tuple[int, int]) -> None:
    for at_s in (0.0, 0.7, 1e6):
        drawn(*size, at_s=at_s)
