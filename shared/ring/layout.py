"""Every byte of the segment, drawn; nothing here opens a file or maps memory.

One file per camera and epoch; all numbers little-endian and naturally aligned::

    header: `header_bytes`, a whole number of pages
    offset  size  type  field
         0     8  8s    magic             b"RINGCAST"
         8     2  u16   major             readers refuse any other
        10     2  u16   minor             readers accept any; this is 2.2
        12     4  u32   header_bytes      where the slot table begins
        16     8  u64   total_bytes       size of the file
        24     4  u32   slots             2 to 64
        28     4  u32   slot_header_bytes 192
        32     8  u64   slot_stride       room for one payload, a whole number of pages
        40     8  u64   payload_offset    where slot 0's payload begins, page aligned
        48     8  u64   epoch             this inode's life; never 0
        56    16  16s   boot_id           of the kernel: a file that outlived a reboot is stale
        72     4  u32   writer_pid        for humans only: pids differ across containers
        76     4  u32   endian            0x01020304
        80   256  text  label             the source without secrets, UTF-8, zero padded
       336     4  u32   crc               CRC-32 of bytes 0 to 335
    immutable up to here; below, the writer changes these, each on a cache line of its own
       384     8  u64   state             1 LIVE, 2 RETIRED, 3 CLOSED
       448     8  u64   head              newest whole frame; 0 none yet
       512     8  u64   heartbeat         changes at least four times a second; CLOCK_MONOTONIC ns
       576     8  u64   dropped           frames the source had and nobody got
       640     8  u64   origin_clock      wall clock of the origin less CLOCK_MONOTONIC here, us;
                                          0: not known, or this is the origin; since 2.2
       648     8  u64   clock_doubt       what that may be wrong by at most, us; since 2.2
       656     8  u64   reconnects        to the node it is relayed from; since 2.2
    immutable again, since 2.2
       664   352  text  hops              nodes the frames come through, origin first, the writer's
                                          own last, comma separated, ASCII, zero padded
      1016     4  u32   hops_crc          CRC-32 of bytes 664 to 1015

    slot table: `slots` times 192 bytes, three cache lines each
         0     8  u64   stamp             2n-1 while frame n is written, 2n when it is whole
         8     8  u64   sequence          n
        16     8  u64   captured_at       CLOCK_MONOTONIC ns
        24     8  u64   published_at      CLOCK_MONOTONIC ns
        32     4  u32   width             pixels
        36     4  u32   height            rows
        40     4  u32   stride            bytes per row; 0 for JPEG
        44     4  u32   pixel_format      FourCC, see PixelFormat
        48     8  u64   size_bytes        of the payload
        56     4  u32   flags             bit 0: online; bit 1: there is a checksum
        60     4  u32   checksum          CRC-32 of the payload; 0 without bit 1
        64    64  text  reason            why it is not online, UTF-8, zero padded
       128     8  u64   origin_epoch      of the camera's frame it was made from, often this one
       136     8  u64   origin_sequence   number of that frame
       144     4  u32   crc               CRC-32 of bytes 8 to 143; since 2.1
       148     4  u32   origin_crc        CRC-32 of bytes 152 to 159; since 2.2
       152     8  u64   origin_wall       when it was captured by the wall clock of its origin, us
                                          since 1970; 0: not known; since 2.2
       160    32  bytes reserved          0

    payloads: `slots` times `slot_stride`; frame n lies in slot n % slots

A change here is a new protocol version, not a refactoring. 8-byte fields are read and written as
one machine word (a ``memoryview`` cast to ``Q``): ``struct`` with ``>`` was seen to tear.
Source: docs/adr/0003, 0004, 0006, 0019 and 0030; mmap(2).
"""

from __future__ import annotations

import enum
import re
import struct
import zlib
from dataclasses import dataclass, field
from typing import Final, Self

from ..errors import ProtocolError, SegmentDamaged
from ..frame import Epoch

__all__ = [
    "HEADER_READ_BYTES",
    "HOPS_BYTES",
    "MAX_HOPS",
    "MAX_SLOTS",
    "MIN_SLOTS",
    "SLOT_HEADER_BYTES",
    "SegmentHeader",
    "State",
    "Word",
    "check_hops",
    "cut_text",
]

MAGIC: Final = b"RINGCAST"
MAJOR: Final = 2
MINOR: Final = 2
_SLOT_CRC_SINCE: Final = 1
_ORIGIN_SINCE: Final = 2
ENDIAN_MARK: Final = 0x01020304
SLOT_HEADER_BYTES: Final = 192
LABEL_BYTES: Final = 256
MIN_SLOTS: Final = 2
MAX_SLOTS: Final = 64
HOPS_OFFSET: Final = 664
HOPS_BYTES: Final = 352
MAX_HOPS: Final = 16

_HEADER: Final = struct.Struct("<8sHHIQIIQQQ16sII256s")
_CRC: Final = struct.Struct("<I")
_CRC_OFFSET: Final = _HEADER.size
_HOPS: Final = struct.Struct(f"<{HOPS_BYTES}s")
_HOPS_CRC_OFFSET: Final = HOPS_OFFSET + HOPS_BYTES
_HOP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")

HEADER_READ_BYTES: Final = 1024
"""How much of a file a reader looks at before it trusts it enough to map it."""


_ELLIPSIS: Final = "…".encode()


class Word(enum.IntEnum):
    """Index, in 8-byte words, of the header's mutable fields."""

    STATE = 384 // 8
    HEAD = 448 // 8
    HEARTBEAT = 512 // 8
    DROPPED = 576 // 8
    ORIGIN_CLOCK = 640 // 8
    CLOCK_DOUBT = 648 // 8
    RECONNECTS = 656 // 8


class State(enum.IntEnum):
    """What the writer says about the segment."""

    LIVE = 1
    RETIRED = 2
    CLOSED = 3


def check_hops(hops: tuple[str, ...]) -> None:
    """Refuse hops that no segment can hold.

    Raises:
        ValueError: There are too many, they are too long, or one has a name that none can have; a
            sentence for operators.
    """
    for hop in hops:
        if _HOP.fullmatch(hop) is None:
            msg = (
                f"{hop[:80]!r} is no name of a node: 1 to 64 of A-Z a-z 0-9 . _ : / -, the first a "
                "letter or digit"
            )
            raise ValueError(msg)
    size = len(",".join(hops))
    if len(hops) > MAX_HOPS or size > HOPS_BYTES:
        msg = (
            f"{len(hops)} hops with names of {size} bytes: at most {MAX_HOPS} hops and "
            f"{HOPS_BYTES} bytes go into a ring; shorten video.relay.node of the nodes, or the tree"
        )
        raise ValueError(msg)


def cut_text(text: str, limit_bytes: int) -> bytes:
    """Encode ``text`` as UTF-8 of at most ``limit_bytes``, at least 3.

    What does not fit is cut, between words if one ends near, and ends in an ellipsis. What has no
    UTF-8 (a file name that was not decodable) becomes a question mark.
    """
    encoded = text.encode(errors="replace")
    if len(encoded) <= limit_bytes:
        return encoded
    beginning = encoded[: limit_bytes - len(_ELLIPSIS)].decode(errors="ignore")
    words = beginning.rpartition(" ")[0]
    kept = words if len(words) * 2 > len(beginning) else beginning
    return kept.rstrip(" ,;:").encode() + _ELLIPSIS


def _hops_in(head: bytes) -> tuple[str, ...]:
    text = head[HOPS_OFFSET:_HOPS_CRC_OFFSET]
    if _CRC.unpack_from(head, _HOPS_CRC_OFFSET)[0] != zlib.crc32(text):
        msg = "segment header is damaged (CRC of the hops does not match)"
        raise SegmentDamaged(msg)
    hops = tuple(text.rstrip(b"\0").decode("ascii", "replace").split(",")) if text[0] else ()
    try:
        check_hops(hops)
    except ValueError as error:
        msg = f"segment header is damaged: {error}"
        raise SegmentDamaged(msg) from None
    return hops


def _round_up(size: int, unit: int) -> int:
    return -(-size // unit) * unit


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """The immutable part of the header.

    Attributes:
        slots: Number of slots, 2 to 64.
        slot_stride: Bytes for one payload.
        header_bytes: Where the slot table begins.
        payload_offset: Where slot 0's payload begins.
        epoch: This inode's life.
        boot_id: The kernel's, 16 bytes.
        writer_pid: For humans.
        label: The source, without secrets.
        hops: Nodes the frames come through, origin first, the writer's own last; empty: not known.
        minor: Version of the layout that the writer knows; the major one is ours.
    """

    slots: int
    slot_stride: int
    header_bytes: int
    payload_offset: int
    epoch: Epoch
    boot_id: bytes
    writer_pid: int
    label: str
    hops: tuple[str, ...] = ()
    minor: int = field(default=MINOR, compare=False)

    @classmethod
    def plan(  # noqa: PLR0913 - the fields of a header are what they are
        cls,
        *,
        slots: int,
        capacity_bytes: int,
        page_bytes: int,
        epoch: Epoch,
        boot_id: bytes,
        writer_pid: int,
        label: str,
        hops: tuple[str, ...] = (),
    ) -> Self:
        """Lay out a segment whose every slot takes ``capacity_bytes`` of payload."""
        table_end = page_bytes + slots * SLOT_HEADER_BYTES
        return cls(
            slots=slots,
            slot_stride=_round_up(max(capacity_bytes, 1), page_bytes),
            header_bytes=page_bytes,
            payload_offset=_round_up(table_end, page_bytes),
            epoch=epoch,
            boot_id=boot_id,
            writer_pid=writer_pid,
            label=label,
            hops=hops,
        )

    @property
    def total_bytes(self) -> int:
        """Size of the file."""
        return self.payload_offset + self.slots * self.slot_stride

    @property
    def slots_have_crc(self) -> bool:
        """Whether the fields of a slot carry a CRC of their own."""
        return self.minor >= _SLOT_CRC_SINCE

    @property
    def slots_have_origin_time(self) -> bool:
        """Whether a slot says when its frame was captured by its origin's clock."""
        return self.minor >= _ORIGIN_SINCE

    def slot_word(self, sequence: int) -> int:
        """Index, in 8-byte words, of the stamp of the slot that frame ``sequence`` lies in."""
        return (self.header_bytes + sequence % self.slots * SLOT_HEADER_BYTES) // 8

    def payload_at(self, sequence: int) -> int:
        """Offset of the payload of frame ``sequence``."""
        return self.payload_offset + sequence % self.slots * self.slot_stride

    @property
    def regions(self) -> dict[int, bytes]:
        """The immutable bytes and where they lie, CRCs included."""
        if self.minor < _ORIGIN_SINCE:
            return {0: self.pack()}
        text = _HOPS.pack(",".join(self.hops).encode("ascii"))
        return {0: self.pack(), HOPS_OFFSET: text + _CRC.pack(zlib.crc32(text))}

    def pack(self) -> bytes:
        """Lay out the immutable bytes that every release knows, CRC included."""
        fields = _HEADER.pack(
            MAGIC,
            MAJOR,
            self.minor,
            self.header_bytes,
            self.total_bytes,
            self.slots,
            SLOT_HEADER_BYTES,
            self.slot_stride,
            self.payload_offset,
            self.epoch,
            self.boot_id,
            self.writer_pid,
            ENDIAN_MARK,
            cut_text(self.label, LABEL_BYTES),
        )
        return fields + _CRC.pack(zlib.crc32(fields))

    @classmethod
    def unpack(cls, head: bytes) -> Self:
        """Read the header of a file that may be anything.

        Args:
            head: The first ``HEADER_READ_BYTES`` of the file.

        Raises:
            ProtocolError: It is of another version. ``SegmentDamaged``: it is damaged, or none.
                Never anything else, whatever the bytes are.
        """
        if len(head) < HEADER_READ_BYTES:
            msg = f"segment of {len(head)} bytes is shorter than its header"
            raise SegmentDamaged(msg)
        (
            magic,
            major,
            minor,
            header_bytes,
            total_bytes,
            slots,
            slot_header_bytes,
            slot_stride,
            payload_offset,
            epoch,
            boot_id,
            writer_pid,
            endian,
            label,
        ) = _HEADER.unpack_from(head)
        if magic != MAGIC:
            msg = f"not a Ringcast segment (magic {magic!r})"
            raise SegmentDamaged(msg)
        if endian != ENDIAN_MARK or major != MAJOR:
            msg = (
                f"segment of version {major}.{minor} (byte order mark {endian:#010x}); this reader "
                f"knows version {MAJOR}: run the same release of video and api"
            )
            raise ProtocolError(msg)
        if _CRC.unpack_from(head, _CRC_OFFSET)[0] != zlib.crc32(head[:_CRC_OFFSET]):
            msg = "segment header is damaged (CRC does not match)"
            raise SegmentDamaged(msg)
        header = cls(
            slots=slots,
            slot_stride=slot_stride,
            header_bytes=header_bytes,
            payload_offset=payload_offset,
            epoch=Epoch(epoch),
            boot_id=boot_id,
            writer_pid=writer_pid,
            label=label.rstrip(b"\0").decode(errors="replace"),
            hops=_hops_in(head) if minor >= _ORIGIN_SINCE else (),
            minor=minor,
        )
        if not header._is_sane(total_bytes, slot_header_bytes):
            msg = "segment header contradicts itself"
            raise SegmentDamaged(msg)
        return header

    def _is_sane(self, total_bytes: int, slot_header_bytes: int) -> bool:
        """Whether every offset a reader will use lies inside ``total_bytes`` and is aligned."""
        return (
            MIN_SLOTS <= self.slots <= MAX_SLOTS
            and slot_header_bytes == SLOT_HEADER_BYTES
            and self.header_bytes >= HEADER_READ_BYTES
            and self.header_bytes % 8 == 0
            and self.payload_offset % 8 == 0
            and self.payload_offset >= self.header_bytes + self.slots * SLOT_HEADER_BYTES
            and self.slot_stride > 0
            and self.slot_stride % 8 == 0
            and self.total_bytes == total_bytes
            and self.epoch != 0
        )
