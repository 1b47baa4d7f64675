"""What a frame is: an image, and the information that travels with it.

Three integers that are easy to swap have types of their own: the number of a frame (``Sequence``),
the life of the writer it belongs to (``Epoch``) and a time (``MonotonicNs``).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NewType

__all__ = ["Epoch", "FrameInfo", "Geometry", "MonotonicNs", "PixelFormat", "Sequence"]

Sequence = NewType("Sequence", int)
"""Number of a frame: 1, 2, 3 … within one life of the writer process; 0 means "none yet"."""

Epoch = NewType("Epoch", int)
"""One life of a segment: changes when the writer restarts or the ring is made anew. Never 0."""

MonotonicNs = NewType("MonotonicNs", int)
"""``CLOCK_MONOTONIC`` in nanoseconds: comparable between processes of one host, never a date."""


class PixelFormat(enum.IntEnum):
    """How the payload of a frame is to be read. The value is the FourCC stored in the slot.

    The raw formats are ``uint8[height, stride]`` rows, top row first, of interleaved channels;
    ``JPEG`` is one complete JPEG image of any length.
    """

    BGR24 = int.from_bytes(b"BGR3", "little")
    RGB24 = int.from_bytes(b"RGB3", "little")
    GRAY8 = int.from_bytes(b"GREY", "little")
    BGRA32 = int.from_bytes(b"BGR4", "little")
    RGBA32 = int.from_bytes(b"RGB4", "little")
    JPEG = int.from_bytes(b"JPEG", "little")

    @property
    def channels(self) -> int:
        """Bytes per pixel; 0 for JPEG, whose payload has no rows."""
        return _CHANNELS[self]


_CHANNELS = {
    PixelFormat.BGR24: 3,
    PixelFormat.RGB24: 3,
    PixelFormat.GRAY8: 1,
    PixelFormat.BGRA32: 4,
    PixelFormat.RGBA32: 4,
    PixelFormat.JPEG: 0,
}


@dataclass(frozen=True, slots=True)
class Geometry:
    """Size and pixel format of one frame; may differ from frame to frame.

    Attributes:
        width: Pixels per row, 1 to 65535.
        height: Rows, 1 to 65535.
        pixel_format: How the payload is to be read.
    """

    width: int
    height: int
    pixel_format: PixelFormat

    @property
    def stride(self) -> int:
        """Bytes per row of a packed raw frame; 0 for JPEG."""
        return self.width * self.pixel_format.channels

    @property
    def size_bytes(self) -> int:
        """Bytes of a packed raw frame; 0 for JPEG, whose length the geometry does not tell."""
        return self.stride * self.height

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a raw frame: ``(height, width, channels)``, or ``(height, width)``."""
        if self.pixel_format.channels == 1:
            return (self.height, self.width)
        return (self.height, self.width, self.pixel_format.channels)


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """Everything known about one frame in the ring except its pixels.

    Attributes:
        epoch: The segment's life this frame belongs to.
        sequence: Its number; ``(epoch, sequence)`` names a frame for ever.
        captured_at: When the source handed it over, ``CLOCK_MONOTONIC``.
        published_at: When the writer declared it whole, ``CLOCK_MONOTONIC``.
        geometry: Size and pixel format.
        size_bytes: Length of the payload.
        online: False for a blank: the source gave nothing.
        reason: Why the frame is blank, at most 64 bytes of UTF-8; empty when online.
        origin_epoch: Epoch of the camera's frame it was made from; its own where it is one itself.
        origin_sequence: Number of the camera's frame it was made from.
        checksum: CRC-32 of the payload; None: the writer stores none, see
            ``video.ring.checksums``.
        origin_wall_us: When that frame was captured, by the wall clock of the host that did it,
            microseconds since 1970; 0: not known.
        hops: Nodes it came through, origin first, this one last; empty: not known.
    """

    epoch: Epoch
    sequence: Sequence
    captured_at: MonotonicNs
    published_at: MonotonicNs
    geometry: Geometry
    size_bytes: int
    online: bool = True
    reason: str = ""
    origin_epoch: Epoch = Epoch(0)
    origin_sequence: Sequence = Sequence(0)
    checksum: int | None = None
    origin_wall_us: int = 0
    hops: tuple[str, ...] = ()

    @property
    def origin(self) -> tuple[Epoch, Sequence]:
        """What names the camera's frame it was made from, here and at every other node."""
        return self.origin_epoch, self.origin_sequence

    def __post_init__(self) -> None:
        """Make a frame that names no other its own origin."""
        if self.origin_epoch == 0:
            object.__setattr__(self, "origin_epoch", self.epoch)
            object.__setattr__(self, "origin_sequence", self.sequence)
