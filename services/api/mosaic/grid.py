"""Where each camera's picture lies in a mosaic; arithmetic only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["Box", "Grid", "default_columns"]

_RATIO: Final = (16, 9)
"""Of a tile, width to height."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels.

    Attributes:
        left: Of its first column.
        top: Of its first row.
        width: Columns.
        height: Rows.
    """

    left: int
    top: int
    width: int
    height: int

    @property
    def region(self) -> tuple[slice, slice]:
        """Index of its pixels in an image: rows, columns."""
        bottom, right = self.top + self.height, self.left + self.width
        return slice(self.top, bottom), slice(self.left, right)

    def fit(self, width: int, height: int) -> Box:
        """The largest box in the middle of this one that has the shape of a picture.

        Args:
            width: Of the picture, pixels.
            height: Of the picture, pixels.
        """
        scale = min(self.width / width, self.height / height)
        inner_width = min(self.width, max(1, round(width * scale)))
        inner_height = min(self.height, max(1, round(height * scale)))
        left = self.left + (self.width - inner_width) // 2
        top = self.top + (self.height - inner_height) // 2
        return Box(left, top, inner_width, inner_height)


@dataclass(frozen=True, slots=True)
class Grid:
    """Tiles of 16:9, row by row, each of an even width and height.

    Attributes:
        tiles: How many, 1 or more.
        columns: How many beside each other, 1 to ``tiles``.
        room: Pixels that the whole may be wide, and high, at most.
    """

    tiles: int
    columns: int
    room: int

    @property
    def rows(self) -> int:
        """How many tiles below each other."""
        return -(-self.tiles // self.columns)

    @property
    def tile(self) -> tuple[int, int]:
        """Width and height of a tile: as wide as there is room, unless rows are many."""
        width = self.room // self.columns
        across, down = _RATIO
        if width * down / across * self.rows > self.room:
            width = self.room // self.rows * across // down
        width = _even(width)
        return width, _even(round(width * down / across))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole."""
        width, height = self.tile
        return self.columns * width, self.rows * height

    def box(self, index: int) -> Box:
        """Where a tile lies.

        Args:
            index: Counted from 0, left to right and downwards.
        """
        width, height = self.tile
        row, column = divmod(index, self.columns)
        return Box(column * width, row * height, width, height)


def default_columns(tiles: int) -> int:
    """As many tiles beside each other as below, or one more."""
    return max(1, math.isqrt(tiles - 1) + 1)


def _even(pixels: int) -> int:
    return max(2, pixels & ~1)
