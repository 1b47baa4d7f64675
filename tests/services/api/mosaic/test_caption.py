from __future__ import annotations

import numpy as np
import pytest

from services.api.mosaic.caption import Caption

SIZES = [(640, 360), (320, 180), (160, 90), (1280, 720)]


def changed(name: str, width: int, height: int, ground: int = 128) -> np.ndarray:
    tile = np.full((height, width, 3), ground, np.uint8)
    Caption(name, width, height).draw(tile)
    return np.argwhere((tile != ground).any(axis=2))


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_name_stands_at_the_bottom_left_away_from_the_edges(width: int, height: int) -> None:
    rows, columns = changed("door", width, height).T
    assert rows.min() > height / 2
    assert rows.max() < height * 52 / 54, "where the test pattern has its code"
    assert 0 < columns.min() < width / 10
    assert columns.max() < width / 2


def test_it_can_be_told_from_another() -> None:
    one, other = (np.full((180, 320, 3), 90, np.uint8) for _ in range(2))
    Caption("door", 320, 180).draw(one)
    Caption("yard", 320, 180).draw(other)
    assert (one != other).any()
    assert one.max() > 200, "bright letters"
    assert one.min() < 60, "on a dark ground"


def test_a_long_name_is_written_smaller() -> None:
    rows, columns = changed(
        "a-camera-with-a-very-long-name-indeed-so-long-that-it-fills-64", 320, 180
    ).T
    assert rows.size
    assert columns.max() < 320


@pytest.mark.parametrize(("width", "height"), [(2, 2), (34, 18), (16, 8)])
def test_a_tile_too_small_for_it_is_left_alone(width: int, height: int) -> None:
    assert changed("door", width, height).size == 0
