"""A camera's name on its tile: small letters on a dark ground through which the picture shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Caption"]

_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
_FONT_HEIGHT_PX: Final = 22.0
"""Height of a capital letter of the font at scale 1."""
_LETTERS_OF_TILE: Final = 1 / 22
_SMALLEST_PX: Final = 7
_LARGEST_PX: Final = 22
_MARGIN_OF_TILE: Final = 1 / 20
_SHINING_THROUGH: Final = 0.35
_BRIGHT: Final = (235.0, 235.0, 235.0)


class Caption:
    """The name as it is drawn onto every picture of a tile; made once.

    Args:
        name: Of the camera: ASCII.
        width: Of the tile, pixels.
        height: Of the tile, pixels.
    """

    def __init__(self, name: str, width: int, height: int) -> None:
        letter_px = min(_LARGEST_PX, max(_SMALLEST_PX, round(height * _LETTERS_OF_TILE)))
        margin = round(height * _MARGIN_OF_TILE)
        pad = max(2, letter_px // 2)
        room_px = width - 2 * margin - 2 * pad
        scale, thickness = letter_px / _FONT_HEIGHT_PX, max(1, letter_px // 9)
        (text_px, _), below_px = cv2.getTextSize(name, _FONT, scale, thickness)
        if text_px > room_px > 0:
            scale, text_px = scale * room_px / text_px, room_px
        box_height = letter_px + below_px + pad
        top = height - margin - box_height
        self._letters: NDArray[np.uint8] | None = None
        if room_px <= 0 or top < height // 2:
            return  # a tile as small as this shows its picture only
        self._region = (slice(top, top + box_height), slice(margin, margin + text_px + 2 * pad))
        self._letters = np.zeros((box_height, text_px + 2 * pad, 3), np.uint8)
        baseline = (pad, pad // 2 + letter_px)
        cv2.putText(self._letters, name, baseline, _FONT, scale, _BRIGHT, thickness, cv2.LINE_AA)

    def draw(self, tile: NDArray[Any]) -> None:
        """Draw the name at the bottom left, a little away from the edges.

        Args:
            tile: ``uint8[height, width, 3]``, written to.
        """
        if self._letters is None:
            return
        ground = tile[self._region]
        cv2.addWeighted(ground, _SHINING_THROUGH, self._letters, 1.0, 0.0, dst=ground)
