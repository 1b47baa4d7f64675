"""A line looks the same however it came to say what it says."""

from __future__ import annotations

import numpy as np
import pytest

from services.video.sources.lettering import Lettering, Line

GROUND = 24


def image_of(scale: float, *texts: str, origin: tuple[int, int] = (7, 30)) -> np.ndarray:
    """A line of an image after it has said one text after the other."""
    image = np.full((48, 400, 3), GROUND, np.uint8)
    line = Line(Lettering(scale, GROUND), image, origin)
    for text in texts:
        line.show(text)
    return image


@pytest.mark.parametrize("scale", [0.1, 0.33, 1.0, 1.5])
@pytest.mark.parametrize(
    "texts",
    [
        ("2026-11-25 10:55:05.576", "2026-11-25 10:55:05.609"),
        ("1:1", "111"),
        ("99", "100"),
        ("123456", "7"),
        ("12.5", ""),
        ("", "8"),
    ],
)
def test_it_is_as_if_it_had_said_the_last_text_only(scale: float, texts: tuple[str, ...]) -> None:
    np.testing.assert_array_equal(image_of(scale, *texts), image_of(scale, texts[-1]))


def test_what_it_says_can_be_told_apart() -> None:
    seen = {image_of(1.0, f"{number}").tobytes() for number in range(200)}
    assert len(seen) == 200


def test_letters_stand_at_the_baseline_and_nothing_stands_elsewhere() -> None:
    image = image_of(1.0, "0")
    rows, columns = (
        np.flatnonzero((image != GROUND).any(axis=(1, 2))),
        (image != GROUND).any((0, 2)),
    )
    assert rows[0] >= 30 - Lettering(1.0, GROUND).above
    assert 28 <= rows[-1] <= 32
    assert not columns[:7].any()


@pytest.mark.parametrize("origin", [(390, 30), (0, 3), (0, 47), (500, 30)])
def test_what_does_not_fit_is_cut_off(origin: tuple[int, int]) -> None:
    image = image_of(1.0, "12", "345", origin=origin)
    np.testing.assert_array_equal(image, image_of(1.0, "345", origin=origin))
