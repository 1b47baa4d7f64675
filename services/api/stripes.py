"""A JPEG out of horizontal stripes that were encoded beside each other; bytes only, no encoder.

A baseline JPEG may be cut between two rows of MCUs (the 16 x 16 or 8 x 8 pixels coded together):
all that crosses such a border is the prediction of the mean brightness, and a restart marker resets
it. So stripes that were encoded apart with the same tables are joined without decoding anything::

    SOI, tables, SOF (height of all)  │ DRI: MCUs per stripe │ SOS │ scan 0 │ RST0 │ scan 1 │ … EOI
    └── of stripe 0, height patched ──┘                            └─ 0 ─┘          └─ 1 ─┘

The pixels are exactly those of the picture encoded at once.

Source: ITU-T T.81, B.2.4.4 (DRI) and F.1.2.3 (restart); ISO/IEC 10918-1 is the same text.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.errors import EncodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["borders", "joined"]

_SOF0: Final = 0xFFC0
_SOS: Final = 0xFFDA
_EOI: Final = b"\xff\xd9"
_MOST_MCUS: Final = 0xFFFF
"""Between two restart markers; DRI has 16 bits for it."""

_COLOR_MCU: Final = 16
"""Edge of an MCU of 4:2:0 colors, as ``cv2.imencode`` writes them."""


def borders(width: int, height: int, count: int) -> list[int]:
    """Where to cut a picture.

    Args:
        width: Pixels per row.
        height: Rows.
        count: Stripes wanted, at least 1.

    Returns:
        The first row of each stripe, then ``height``. All stripes but the last have the same
        height, a multiple of 16 rows, so the cuts suit gray and color alike. Fewer stripes than
        wanted where the picture is too small, one where DRI cannot count their MCUs.
    """
    bands = -(-height // _COLOR_MCU)
    rows = -(-bands // count) * _COLOR_MCU
    if -(-width // 8) * (rows // 8) > _MOST_MCUS:  # counted as gray, which has the smaller MCUs
        return [0, height]
    return [*range(0, height, rows), height]


def joined(stripes: Sequence[memoryview], height: int) -> bytes:
    """Join stripes into one JPEG.

    Args:
        stripes: Baseline JPEGs of equal width, tables and sampling, top to bottom; all but the
            last of equal height, a whole number of MCUs.
        height: Rows of all of them together.

    Raises:
        EncodeError: They do not fit together.
    """
    first = _Parsed.of(stripes[0])
    if len(stripes) == 1:
        return bytes(first.jpeg)
    header = bytearray(first.jpeg[: first.sos])
    struct.pack_into(">H", header, first.sof + 5, height)
    restart = struct.pack(">HHH", 0xFFDD, 4, first.mcus())
    pieces: list[bytes | bytearray | memoryview] = [header, restart, first.jpeg[first.sos : -2]]
    for number, jpeg in enumerate(stripes[1:]):
        stripe = _Parsed.of(jpeg)
        if stripe.shape() != first.shape():
            raise EncodeError("stripes with different tables make no JPEG")
        pieces += [bytes((0xFF, 0xD0 + number % 8)), jpeg[stripe.scan : -2]]
    pieces.append(_EOI)
    return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """Where in a stripe the segments lie that joining touches; offsets in bytes."""

    jpeg: memoryview
    sof: int
    sos: int
    scan: int

    @classmethod
    def of(cls, jpeg: memoryview) -> _Parsed:
        """Find them; the header alone is looked at."""
        at, sof = 2, 0
        try:
            while True:
                marker, length = struct.unpack_from(">HH", jpeg, at)
                if marker == _SOF0:
                    sof = at
                elif marker == _SOS:
                    break
                at += 2 + length
        except struct.error:
            sof = 0
            length = 0
        if not sof or bytes(jpeg[-2:]) != _EOI:
            raise EncodeError("a stripe is no whole baseline JPEG")
        return cls(jpeg, sof, at, at + 2 + length)

    def shape(self) -> tuple[bytes, bytes]:
        """All of the header but the height: must be equal in all stripes."""
        return bytes(self.jpeg[: self.sof + 5]), bytes(self.jpeg[self.sof + 7 : self.scan])

    def mcus(self) -> int:
        """MCUs of the stripe."""
        height, width, components = struct.unpack_from(">HHB", self.jpeg, self.sof + 5)
        edges = [self.jpeg[self.sof + 11 + 3 * index] for index in range(components)]
        # one component alone is not interleaved: its MCU is one block, whatever its sampling says
        across = 8 * max(edge >> 4 for edge in edges) if components > 1 else 8
        down = 8 * max(edge & 15 for edge in edges) if components > 1 else 8
        count: int = -(-width // across) * -(-height // down)
        if height % down or count > _MOST_MCUS:
            raise EncodeError(f"a stripe of {width} x {height} pixels cannot be joined")
        return count
