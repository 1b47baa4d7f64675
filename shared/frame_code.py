"""A frame's number and capture time, drawn into the picture so that a machine can read them back.

From the picture alone, after JPEG and after scaling, anybody can tell which frame it is, how old it
is, and whether its top and its bottom belong together. The same code stands in two strips, one at
the very top, one at the very bottom; each is a grid of black (0) and white (1) cells::

    cells     13 bytes, most significant bit first     grid
    0…31      u32  sequence, modulo 2^32               row 0: cells 0…51
    32…87     u56  wall clock, microseconds since 1970 row 1: cells 52…103
    88…103    u16  CRC-16/CCITT of the 11 bytes before

Every border of a cell is a fraction of the picture's size, 1/52 of its width and 1/54 of its
height, so a reader needs to know nothing but the picture, whatever size it arrives in. 52 and 54
keep a cell of a 640x480 picture at 12x9 pixels: at half size still 6x4, which JPEG at quality 30
leaves legible.
This module needs numpy only.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MIN_HEIGHT", "MIN_WIDTH", "FrameCode", "draw_code", "read_codes"]

_COLUMNS: Final = 52
_ROWS_PER_STRIP: Final = 2
_ROWS: Final = 54
_BITS: Final = _COLUMNS * _ROWS_PER_STRIP
_STRIPS: Final = (0, _ROWS - _ROWS_PER_STRIP)

_SEQUENCE_BYTES: Final = 4
_TIME_BYTES: Final = 7
_BODY_BYTES: Final = _SEQUENCE_BYTES + _TIME_BYTES
_CRC_START: Final = 0xFFFF
"""Not 0, so that an all-black strip is not a valid code of frame 0."""

MIN_WIDTH: Final = _COLUMNS
MIN_HEIGHT: Final = _ROWS
"""Smallest picture a code fits into, pixels; below 320x240 it survives no JPEG."""

_SAMPLES: Final = (np.arange(5) + 3.0) / 10.0
"""Where a cell is looked at, as fractions of it: 0.3 to 0.7; its edges are smeared by scaling."""
_WHITE_FROM: Final = 128.0


@dataclass(frozen=True, slots=True)
class FrameCode:
    """What is drawn into a picture.

    Attributes:
        sequence: The frame's number in the ring, 0 to 2^32 - 1.
        captured_wall_us: When the source handed it over, wall clock (``time.time``), microseconds
            since 1970, 0 to 2^56 - 1.
    """

    sequence: int
    captured_wall_us: int

    def pack(self) -> bytes:
        """Lay out the 13 bytes that become cells."""
        body = self.sequence.to_bytes(_SEQUENCE_BYTES, "big") + self.captured_wall_us.to_bytes(
            _TIME_BYTES, "big"
        )
        return body + binascii.crc_hqx(body, _CRC_START).to_bytes(2, "big")

    @classmethod
    def unpack(cls, message: bytes) -> FrameCode | None:
        """Read the 13 bytes back; None when the checksum is wrong."""
        body, crc = message[:_BODY_BYTES], int.from_bytes(message[_BODY_BYTES:], "big")
        if binascii.crc_hqx(body, _CRC_START) != crc:
            return None
        return cls(
            int.from_bytes(body[:_SEQUENCE_BYTES], "big"),
            int.from_bytes(body[_SEQUENCE_BYTES:], "big"),
        )


def draw_code(image: NDArray[np.uint8], code: FrameCode) -> None:
    """Draw ``code`` over the top and the bottom strip of ``image``, in place.

    Args:
        image: ``uint8[height, width]`` or ``uint8[height, width, channels]``, at least 54 rows of
            52 pixels; all channels of a cell get the same value. Stays the caller's.
        code: What to draw.

    Raises:
        ValueError: The image is too small.
        OverflowError: A number in ``code`` is out of its range.
    """
    height, width = image.shape[:2]
    if height < MIN_HEIGHT or width < MIN_WIDTH:
        msg = f"a frame code needs {MIN_WIDTH}x{MIN_HEIGHT} pixels, the image has {width}x{height}"
        raise ValueError(msg)
    bits = np.unpackbits(np.frombuffer(code.pack(), np.uint8)).reshape(_ROWS_PER_STRIP, _COLUMNS)
    rows = (bits * np.uint8(255))[:, _column_of_pixel(width)]
    if image.ndim > 2:  # noqa: PLR2004 - rows and columns, then channels
        rows = np.repeat(rows[:, :, np.newaxis], image.shape[2], axis=2)
    for strip in _STRIPS:
        for row in range(_ROWS_PER_STRIP):
            top, bottom = _edge(strip + row, height), _edge(strip + row + 1, height)
            image[top:bottom] = rows[row]


def read_codes(image: NDArray[np.uint8]) -> tuple[FrameCode | None, FrameCode | None]:
    """Read the code at the top and the code at the bottom of a picture.

    Args:
        image: ``uint8[height, width]`` or ``uint8[height, width, channels]`` of any size, any order
            of colors; not written to.

    Returns:
        ``(top, bottom)``. None where no valid code is; two valid codes that differ mean that the
        halves come from different frames.
    """
    top, bottom = (_read_strip(image, strip) for strip in _STRIPS)
    return top, bottom


def _read_strip(image: NDArray[np.uint8], first_row: int) -> FrameCode | None:
    height, width = image.shape[:2]
    if height == 0 or width == 0:
        return None
    rows = _sample_positions(first_row, _ROWS_PER_STRIP, _ROWS, height)
    columns = _sample_positions(0, _COLUMNS, _COLUMNS, width)
    samples = image[np.ix_(rows, columns)].astype(np.float32)
    if samples.ndim > 2:  # noqa: PLR2004 - rows and columns, then channels
        samples = samples[:, :, :3].mean(axis=2)  # without alpha
    count = len(_SAMPLES)
    cells = samples.reshape(_ROWS_PER_STRIP, count, _COLUMNS, count).mean(axis=(1, 3))
    return FrameCode.unpack(np.packbits(cells.reshape(_BITS) >= _WHITE_FROM).tobytes())


def _sample_positions(first: int, cells: int, of: int, size_px: int) -> NDArray[np.intp]:
    """Pixel indices of the samples of ``cells`` cells, each 1/``of`` of ``size_px``, in order."""
    positions = (np.arange(first, first + cells)[:, np.newaxis] + _SAMPLES) * (size_px / of)
    return np.minimum(positions.astype(np.intp), size_px - 1).ravel()


@lru_cache(maxsize=8)
def _column_of_pixel(width: int) -> NDArray[np.intp]:
    """Index of the column of cells that each pixel of a row belongs to."""
    edges = [round(column * width / _COLUMNS) for column in range(_COLUMNS + 1)]
    return np.repeat(np.arange(_COLUMNS), np.diff(edges))


def _edge(row: int, height: int) -> int:
    return round(row * height / _ROWS)
