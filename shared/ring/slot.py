"""What a slot says about the frame in it: the 120 bytes behind the stamp, see layout.py."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Self

from ..errors import ProtocolError
from ..frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from .layout import cut_text

__all__ = ["MAX_AXIS", "SlotHeader"]

MAX_AXIS: Final = 65535
REASON_BYTES: Final = 64

_SLOT: Final = struct.Struct("<QQQIIIIQII64s")
_FLAG_ONLINE: Final = 1


@dataclass(frozen=True, slots=True)
class SlotHeader:
    """The part of a slot's header that the stamp guards; the fields are ``FrameInfo``'s."""

    sequence: Sequence
    captured_at: MonotonicNs
    published_at: MonotonicNs
    geometry: Geometry
    size_bytes: int
    online: bool
    reason: str

    def pack(self) -> bytes:
        """Lay out the 120 bytes behind the stamp."""
        return _SLOT.pack(
            self.sequence,
            self.captured_at,
            self.published_at,
            self.geometry.width,
            self.geometry.height,
            self.geometry.stride,
            self.geometry.pixel_format,
            self.size_bytes,
            _FLAG_ONLINE if self.online else 0,
            0,
            cut_text(self.reason, REASON_BYTES),
        )

    @classmethod
    def unpack(cls, fields: bytes, *, capacity_bytes: int) -> Self:
        """Read a slot's header, trusting nothing.

        Args:
            fields: The 120 bytes behind the stamp.
            capacity_bytes: The room a payload has.

        Raises:
            ProtocolError: A value no writer of ours stores, or one that points outside the slot.
                The caller checks the stamp first: it may only have read a frame being written.
        """
        sequence, captured_at, published_at, width, height, *rest = _SLOT.unpack(fields)
        stride, fourcc, size_bytes, flags, _reserved, reason = rest
        try:
            geometry = Geometry(width, height, PixelFormat(fourcc))
        except ValueError:
            msg = f"slot names the unknown pixel format {fourcc:#010x}"
            raise ProtocolError(msg) from None
        raw = geometry.pixel_format is not PixelFormat.JPEG
        if (
            not (1 <= width <= MAX_AXIS and 1 <= height <= MAX_AXIS)
            or not 1 <= size_bytes <= capacity_bytes
            or stride != geometry.stride
            or (raw and size_bytes != geometry.size_bytes)
        ):
            msg = (
                f"slot claims {width}x{height}, stride {stride}, {size_bytes} bytes "
                f"where {capacity_bytes} fit"
            )
            raise ProtocolError(msg)
        return cls(
            sequence=Sequence(sequence),
            captured_at=MonotonicNs(captured_at),
            published_at=MonotonicNs(published_at),
            geometry=geometry,
            size_bytes=size_bytes,
            online=bool(flags & _FLAG_ONLINE),
            reason=reason.rstrip(b"\0").decode(errors="replace"),
        )

    def info(self, epoch: Epoch) -> FrameInfo:
        """The frame's information, as readers see it."""
        return FrameInfo(
            epoch=epoch,
            sequence=self.sequence,
            captured_at=self.captured_at,
            published_at=self.published_at,
            geometry=self.geometry,
            size_bytes=self.size_bytes,
            online=self.online,
            reason=self.reason,
        )
