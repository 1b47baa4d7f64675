"""One part of another node's stream, its headers read and believed only as far as they can be."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from shared.jpeg import read_header

if TYPE_CHECKING:
    from shared.multipart import Part

__all__ = ["RelayedPart"]

_WORD: Final = re.compile(r"[0-9]{1,20}")
_TIMESTAMP: Final = re.compile(r"([0-9]{1,12})\.([0-9]{6})")
_MOST: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class RelayedPart:
    """A frame of the origin.

    Attributes:
        epoch: Of its ring there.
        number: Its number there.
        wall_us: When it was captured by the clock there, microseconds since 1970.
        online: False for a blank.
        hops: Nodes it came through, comma separated; empty: the answer's headers hold.
        jpeg: The picture.
        width: Pixels; 1 where the picture cannot be used.
        height: Pixels; 1 where the picture cannot be used.
        problem: Why the picture cannot be used; empty: it can.
    """

    epoch: int
    number: int
    wall_us: int
    online: bool
    hops: str
    jpeg: bytes = field(repr=False)
    width: int = 1
    height: int = 1
    problem: str = ""

    @classmethod
    def read(cls, part: Part, max_pixels: int) -> Self:
        """Read a part.

        Args:
            part: As the parser gave it.
            max_pixels: Of the largest picture that is taken.

        Raises:
            ValueError: Its headers are none of ours.
        """
        headers = part.headers
        epoch, number = (_word(headers, name) for name in ("x-epoch", "x-frame-number"))
        stamp = _TIMESTAMP.fullmatch(headers.get("x-timestamp", ""))
        online = headers.get("x-online")
        if stamp is None or online not in {"0", "1"}:
            msg = f"X-Timestamp {headers.get('x-timestamp', '')[:40]!r}, X-Online {online!r:.20}"
            raise ValueError(msg)
        width, height, problem = 1, 1, ""
        try:
            found = read_header(part.jpeg)
        except ValueError as error:
            problem = str(error)
        else:
            width, height = found.width, found.height
            if width * height > max_pixels:
                problem = (
                    f"it claims {width}x{height} pixels, more than video.max_pixels ({max_pixels})"
                )
                width, height = 1, 1
        wall_us = int(stamp[1]) * 1_000_000 + int(stamp[2])
        hops = headers.get("x-hops", "")
        return cls(epoch, number, wall_us, online == "1", hops, part.jpeg, width, height, problem)

    def is_before(self, other: RelayedPart) -> bool:
        """Whether its number has gone by: of another epoch no number has."""
        return self.epoch == other.epoch and self.number < other.number

    def is_again(self, other: RelayedPart) -> bool:
        """Whether it is the same frame, which a server repeats in silence."""
        return (self.epoch, self.number, self.online) == (other.epoch, other.number, other.online)

    def missing_since(self, other: RelayedPart) -> int:
        """How many frames of its epoch lie between the two."""
        return max(0, self.number - other.number - 1) if self.epoch == other.epoch else 0


def _word(headers: dict[str, str], name: str) -> int:
    text = headers.get(name, "")
    value = int(text) if _WORD.fullmatch(text) else -1
    if not 0 < value <= _MOST:
        raise ValueError(f"{name} of a part: {text[:40]!r}")
    return value
