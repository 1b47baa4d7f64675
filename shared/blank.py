"""The blank: the frame shown when a source gives none. It says so, says why, and says since when.

The Video Module draws it into the ring; the API draws it when there is no Video Module. It is not
part of the numpy-only core that vision modules install: it needs cv2.
"""

from __future__ import annotations

import textwrap
import unicodedata
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from .errors import EncodeError
from .frame import Geometry, PixelFormat

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FIRST_GEOMETRY", "blank_jpeg", "draw_blank"]

FIRST_GEOMETRY: Final = Geometry(640, 360, PixelFormat.BGR24)
"""Of a blank that comes before any picture; small, because its ring is in the way of the next."""

_TITLE: Final = "NO SIGNAL"
_BACKGROUND: Final = 38
_BRIGHT: Final = (235.0, 235.0, 235.0, 255.0)
_MUTED: Final = (170.0, 170.0, 170.0, 255.0)
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
_FONT_HEIGHT_PX: Final = 22.0
"""Height of a capital letter of the font at scale 1."""
_MARGIN: Final = 0.06
_MAX_LINES: Final = 5
_JPEG: Final = (cv2.IMWRITE_JPEG_QUALITY, 60, cv2.IMWRITE_JPEG_OPTIMIZE, 1)
"""Small rather than fine: it must fit where pictures of little detail do."""


def draw_blank(image: NDArray[np.uint8], reason: str, at: str) -> None:
    """Fill ``image`` with a blank, in place.

    Grays only, so that it looks the same in any order of colors.

    Args:
        image: ``uint8[height, width]`` or ``uint8[height, width, channels]`` of any size, at least
            one pixel; a fourth channel is made opaque. Stays the caller's.
        reason: Why there is no picture, a sentence for the operator; wrapped, cut after five lines.
        at: Wall-clock time as text, so that a watcher sees that the stream itself lives.
    """
    height, width = image.shape[:2]
    image[:] = _BACKGROUND
    unit = min(height / 9.0, width / 12.0)
    y = _put_line(image, _TITLE, round(height * 0.32), unit * 0.9, _BRIGHT) + round(unit * 0.4)
    for line in _wrapped(reason, width, unit * 0.34):
        y = _put_line(image, line, round(y + unit * 0.62), unit * 0.34, _BRIGHT)
    _put_line(image, _ascii(at), round(height * 0.86), unit * 0.3, _MUTED)
    if image.ndim > 2 and image.shape[2] == 4:  # noqa: PLR2004 - rows, columns, four channels
        image[:, :, 3] = 255


def blank_jpeg(width: int, height: int, reason: str, at: str) -> NDArray[np.uint8]:
    """A blank between JPEGs: ``uint8[size_bytes]``, 1080p about 50 kB, in color like its neighbors.

    Args:
        width: Pixels per row.
        height: Rows.
        reason: See ``draw_blank``.
        at: See ``draw_blank``.

    Raises:
        EncodeError: OpenCV refused.
    """
    image = np.empty((height, width, 3), np.uint8)
    draw_blank(image, reason, at)
    try:
        whole, data = cv2.imencode(".jpg", image, _JPEG)
    except cv2.error as error:
        raise EncodeError(f"no blank of {width}x{height}: {error}") from error
    if not whole:
        raise EncodeError(f"no blank of {width}x{height}")
    return np.asarray(data, np.uint8).reshape(-1)


def _wrapped(text: str, width: int, letter_px: float) -> list[str]:
    """Break ``text`` into lines that fit between the margins."""
    (sample_px, _), _ = cv2.getTextSize("n" * 20, _FONT, _scale(letter_px), 1)
    per_line = max(8, int(width * (1 - 2 * _MARGIN) / max(1.0, sample_px / 20)))
    return textwrap.wrap(_ascii(text), per_line, max_lines=_MAX_LINES, placeholder=" ...")


def _put_line(
    image: NDArray[np.uint8],
    text: str,
    baseline: int,
    letter_px: float,
    color: tuple[float, float, float, float],
) -> int:
    """Write one centered line, smaller if it would not fit; returns its baseline."""
    scale = _scale(letter_px)
    thickness = max(1, round(letter_px / 9))
    (text_px, _), _ = cv2.getTextSize(text, _FONT, scale, thickness)
    room_px = image.shape[1] * (1 - 2 * _MARGIN)
    if text_px > room_px:
        scale *= room_px / text_px
        text_px = int(room_px)
    origin = ((image.shape[1] - text_px) // 2, baseline)
    cv2.putText(image, text, origin, _FONT, scale, color, thickness, cv2.LINE_AA)
    return baseline


def _scale(letter_px: float) -> float:
    return max(0.1, letter_px / _FONT_HEIGHT_PX)


def _ascii(text: str) -> str:
    """The nearest text in ASCII: the built-in font draws anything else as question marks."""
    plain = unicodedata.normalize("NFKD", text.replace("–", "-").replace("…", "..."))  # noqa: RUF001 - the dash is meant
    return plain.encode("ascii", "ignore").decode()
