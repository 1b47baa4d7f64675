"""A slot: what it says about the frame in it (184 bytes behind the stamp, see layout.py), and room.

Knows bytes and arrays only; whose memory it is, and the stamp, are writer's and reader's business.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from ..errors import ProtocolError
from ..frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from .layout import cut_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .segment import Mapping

__all__ = ["MAX_AXIS", "Slot", "SlotHeader", "check_size"]

MAX_AXIS: Final = 65535
REASON_BYTES: Final = 64

_FIELDS: Final = struct.Struct("<QQQIIIIQII64sQQ")
_TAIL: Final = struct.Struct("<IIQ32x")
_ORIGIN_WALL: Final = struct.Struct("<Q")
_FLAG_ONLINE: Final = 1
_FLAG_CHECKSUM: Final = 2


@dataclass(frozen=True, slots=True)
class SlotHeader:
    """The part of a slot's header that the stamp guards; the fields are ``FrameInfo``'s.

    The stamp says that the writer did not change them meanwhile; their own CRC, that nobody else
    did. A single wrong bit may turn BGR24 into RGB24, which no check of ranges would notice.
    """

    sequence: Sequence
    captured_at: MonotonicNs
    published_at: MonotonicNs
    geometry: Geometry
    size_bytes: int
    online: bool
    reason: str
    origin_epoch: Epoch
    origin_sequence: Sequence
    checksum: int | None = None
    origin_wall_us: int = 0

    def pack(self) -> bytes:
        """Lay out the 184 bytes behind the stamp."""
        flags = (_FLAG_ONLINE if self.online else 0) | (
            0 if self.checksum is None else _FLAG_CHECKSUM
        )
        fields = _FIELDS.pack(
            self.sequence,
            self.captured_at,
            self.published_at,
            self.geometry.width,
            self.geometry.height,
            self.geometry.stride,
            self.geometry.pixel_format,
            self.size_bytes,
            flags,
            self.checksum or 0,
            cut_text(self.reason, REASON_BYTES),
            self.origin_epoch,
            self.origin_sequence,
        )
        wall = _ORIGIN_WALL.pack(self.origin_wall_us)
        return fields + _TAIL.pack(zlib.crc32(fields), zlib.crc32(wall), self.origin_wall_us)

    @classmethod
    def unpack(
        cls,
        fields: bytes,
        *,
        capacity_bytes: int,
        has_crc: bool = True,
        has_origin_time: bool = True,
    ) -> Self:
        """Read a slot's header, trusting nothing.

        Args:
            fields: The 184 bytes behind the stamp.
            capacity_bytes: The room a payload has.
            has_crc: Whether the writer is new enough to seal the fields with one.
            has_origin_time: Whether it is new enough to store the time of the origin's clock.

        Raises:
            ProtocolError: Damaged, a value no writer of ours stores, or one that points outside the
                slot. The caller checks the stamp first: it may only have read a frame being
                written.
        """
        crc, wall_crc, wall_us = _TAIL.unpack_from(fields, _FIELDS.size)
        damaged = has_crc and crc != zlib.crc32(fields[: _FIELDS.size])
        if has_origin_time and not damaged:
            damaged = wall_crc != zlib.crc32(_ORIGIN_WALL.pack(wall_us))
        if damaged:
            msg = "slot's fields are damaged (CRC does not match): somebody else writes there"
            raise ProtocolError(msg)
        sequence, captured_at, published_at, width, height, *rest = _FIELDS.unpack_from(fields)
        stride, fourcc, size_bytes, flags, checksum, reason, *origin = rest
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
            origin_epoch=Epoch(origin[0]),
            origin_sequence=Sequence(origin[1]),
            checksum=checksum if flags & _FLAG_CHECKSUM else None,
            origin_wall_us=wall_us if has_origin_time else 0,
        )

    def info(self, epoch: Epoch, hops: tuple[str, ...] = ()) -> FrameInfo:
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
            origin_epoch=self.origin_epoch,
            origin_sequence=self.origin_sequence,
            checksum=self.checksum,
            origin_wall_us=self.origin_wall_us,
            hops=hops,
        )


def check_size(geometry: Geometry, size_bytes: int) -> None:
    """Refuse what ``SlotHeader.unpack`` would refuse.

    Raises:
        ValueError: Width, height or size is out of range.
    """
    if not (1 <= geometry.width <= MAX_AXIS and 1 <= geometry.height <= MAX_AXIS) or size_bytes < 1:
        msg = (
            f"frame of {geometry.width}x{geometry.height}, {size_bytes} bytes: width and height "
            f"must be 1 to {MAX_AXIS}, size at least 1"
        )
        raise ValueError(msg)


class Slot:
    """Room for one frame, being written: from ``RingWriter.begin`` to ``commit``.

    Attributes:
        epoch: The segment's life.
        sequence: The number the frame will have.
        geometry: What ``begin`` was asked for.
        payload: Writable ``uint8[capacity]`` in the segment; valid until ``commit`` or the next
            ``begin``.
    """

    def __init__(self, mapping: Mapping, sequence: Sequence, geometry: Geometry) -> None:
        header = mapping.header
        start = header.payload_at(sequence)
        self.epoch = header.epoch
        self.sequence = sequence
        self.geometry = geometry
        self.payload: NDArray[np.uint8] = mapping.payload[start : start + header.slot_stride]

    @property
    def image(self) -> NDArray[np.uint8]:
        """The room as ``uint8[height, width, channels]`` (``[height, width]`` for GRAY8).

        C-contiguous, in the segment: what is drawn here needs no further copy.

        Raises:
            ValueError: The slot is for a JPEG, which has no rows.
        """
        if self.geometry.pixel_format is PixelFormat.JPEG:
            msg = "a JPEG slot has no image; write its payload"
            raise ValueError(msg)
        return self.payload[: self.geometry.size_bytes].reshape(self.geometry.shape)
