from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.mosaic.grid import Box, Grid, default_columns

grids = st.integers(1, 64).flatmap(
    lambda tiles: st.builds(
        Grid, st.just(tiles), st.integers(1, min(16, tiles)), st.integers(640, 7680)
    )
)


@pytest.mark.parametrize(
    ("tiles", "columns"), [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (9, 3), (10, 4), (64, 8)]
)
def test_tiles_are_as_many_beside_as_below_each_other(tiles: int, columns: int) -> None:
    assert default_columns(tiles) == columns


@pytest.mark.parametrize(
    ("grid", "tile", "size"),
    [
        (Grid(1, 1, 1280), (1280, 720), (1280, 720)),
        (Grid(4, 2, 1280), (640, 360), (1280, 720)),
        (Grid(3, 2, 1280), (640, 360), (1280, 720)),
        (Grid(3, 3, 1280), (426, 240), (1278, 240)),
        (Grid(16, 4, 1280), (320, 180), (1280, 720)),
        (Grid(3, 1, 1280), (756, 424), (756, 1272)),
    ],
)
def test_sizes(grid: Grid, tile: tuple[int, int], size: tuple[int, int]) -> None:
    assert (grid.tile, grid.size) == (tile, size)


def test_boxes_stand_row_by_row() -> None:
    grid = Grid(5, 3, 1280)
    assert [grid.box(index) for index in (0, 2, 3)] == [
        Box(0, 0, 426, 240),
        Box(852, 0, 426, 240),
        Box(0, 240, 426, 240),
    ]


@given(grids)
def test_every_box_lies_in_the_whole_and_no_two_overlap(grid: Grid) -> None:
    width, height = grid.size
    assert width <= grid.room
    assert height <= grid.room
    boxes = [grid.box(index) for index in range(grid.tiles)]
    corners = {(box.left, box.top) for box in boxes}
    assert len(corners) == grid.tiles
    for box in boxes:
        assert (box.width, box.height) == grid.tile
        assert box.left % box.width == 0 == box.top % box.height
        assert box.left + box.width <= width
        assert box.top + box.height <= height
        assert box.width % 2 == 0 == box.height % 2


@pytest.mark.parametrize(
    ("picture", "inner"),
    [
        ((1280, 720), Box(100, 50, 640, 360)),
        ((640, 480), Box(180, 50, 480, 360)),
        ((1920, 800), Box(100, 96, 640, 267)),
        ((160, 90), Box(100, 50, 640, 360)),
        ((1, 9000), Box(419, 50, 1, 360)),
    ],
)
def test_pictures_keep_their_shape(picture: tuple[int, int], inner: Box) -> None:
    assert Box(100, 50, 640, 360).fit(*picture) == inner


@given(st.integers(1, 700), st.integers(1, 700), st.integers(1, 9999), st.integers(1, 9999))
def test_what_fits_is_inside_and_fits_again(width: int, height: int, wide: int, high: int) -> None:
    box = Box(3, 5, width, height)
    inner = box.fit(wide, high)
    assert 3 <= inner.left <= inner.left + inner.width <= 3 + width
    assert 5 <= inner.top <= inner.top + inner.height <= 5 + height
    assert inner.width == width or inner.height == height
    assert box.fit(inner.width, inner.height) == inner
    rows, columns = inner.region
    assert (rows.stop - rows.start, columns.stop - columns.start) == (inner.height, inner.width)
