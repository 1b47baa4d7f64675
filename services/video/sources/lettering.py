"""Lines of text that change a little with every picture: only what has changed is drawn again.

Rendering text costs a few microseconds for each letter. A clock and a counter change a handful of
digits from one picture to the next, and those have been rendered before.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Lettering", "Line"]

_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
_COLOR: Final = (240, 240, 240)


class Lettering:
    """Letters of one size on one ground, each rendered once.

    Args:
        scale: Of the font; 1.0 are capitals of about 22 pixels.
        ground: Gray behind the letters, 0 to 255.

    Attributes:
        ground: The same.
        above: Rows of a letter above its baseline.
        height: Rows of a letter.
    """

    def __init__(self, scale: float, ground: int) -> None:
        self._scale = scale
        self._thickness = max(1, round(2.2 * scale))
        self.ground = ground
        (_, height), below = cv2.getTextSize("0", _FONT, scale, self._thickness)
        self.above = height + self._thickness
        self.height = self.above + min(below, self._thickness + 1)
        self._letters: dict[str, NDArray[np.uint8]] = {}

    def width(self, text: str) -> int:
        """Pixels that text takes which is written at once."""
        return int(cv2.getTextSize(text, _FONT, self._scale, self._thickness)[0][0])

    def letter(self, text: str) -> NDArray[np.uint8]:
        """One letter: ``uint8[height, width, 3]``, BGR; not to be changed."""
        if text not in self._letters:
            advance = self.width(text + text) - self.width(text)
            size = (self.height, max(1, advance), 3)
            image = np.full(size, self.ground, np.uint8)
            self.write(image, text, (0, self.above))
            self._letters[text] = image
        return self._letters[text]

    def write(self, image: NDArray[np.uint8], text: str, origin: tuple[int, int]) -> None:
        """Render text that stays as it is: ``origin`` is the left end of its baseline."""
        cv2.putText(image, text, origin, _FONT, self._scale, _COLOR, self._thickness, cv2.LINE_AA)


class Line:
    """One line, as it stands in an image that keeps it.

    Args:
        lettering: Whose letters it has.
        image: ``uint8[height, width, 3]``, BGR; nobody else writes where the line stands.
        origin: Left end of its baseline, pixels from the left and from the top.
    """

    def __init__(
        self, lettering: Lettering, image: NDArray[np.uint8], origin: tuple[int, int]
    ) -> None:
        left, baseline = origin
        self._lettering = lettering
        self._cut = max(0, lettering.above - baseline)
        top = max(0, baseline - lettering.above)
        self._image = image[top : top + lettering.height - self._cut, left:]
        self._shown = ""
        self._end = 0

    def show(self, text: str) -> None:
        """Make the line say so; what it says already, at the same place, is left alone."""
        left, moved = 0, False
        for new, old in zip_longest(text, self._shown[: len(text)]):
            letter = self._lettering.letter(new)
            if moved or new != old:
                room = self._image[:, left : left + letter.shape[1]]
                room[:] = letter[self._cut : self._cut + room.shape[0], : room.shape[1]]
                moved = moved or old is None or self._lettering.letter(old).shape != letter.shape
            left += letter.shape[1]
        self._image[:, left : self._end] = self._lettering.ground
        self._shown, self._end = text, left
