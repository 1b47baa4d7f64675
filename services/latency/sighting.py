"""One frame as it arrived, however that was, and what its picture says about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.frame_code import read_codes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Sighting", "look"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One frame as it arrived.

    Attributes:
        received_at: When its last byte was there, steady clock, seconds.
        received_wall_us: The same, wall clock of this machine, microseconds since 1970.
        captured_wall_us: When it was captured, wall clock of the writer's machine.
        number: The frame's, within its epoch; of the picture where that holds one, and then
            modulo 2^32; -1: nothing says it.
        epoch: The life of the ring it belongs to; empty: the stream does not say.
        size_bytes: Of the picture.
        online: False for a blank.
        coded: Whether number and time were read out of the picture itself.
        torn: Its top and its bottom are of different frames.
        contradicts: The picture is another one than the headers say.
    """

    received_at: float
    received_wall_us: int
    captured_wall_us: int
    number: int
    epoch: str
    size_bytes: int
    online: bool = True
    coded: bool = False
    torn: bool = False
    contradicts: bool = False

    @property
    def age_ms(self) -> float:
        """From capture to the last byte, by two clocks if those are of two machines."""
        return (self.received_wall_us - self.captured_wall_us) / 1000


def look(said: Sighting, image: NDArray[np.uint8] | None) -> Sighting:
    """Complete what the headers said by what the picture says.

    Args:
        said: By the headers.
        image: The picture, ``uint8[height, width]`` or with channels; None: it cannot be decoded.

    Returns:
        What was said, where there is no code in the picture, as with any real camera.
    """
    top, bottom = (None, None) if image is None or not said.online else read_codes(image)
    code = top or bottom
    if code is None:
        return said
    torn = top != bottom
    return replace(
        said,
        captured_wall_us=code.captured_wall_us,
        number=code.sequence,
        coded=True,
        torn=torn,
        contradicts=not torn and said.number not in {-1, code.sequence},
    )
