"""One encoded frame as it is sent: the same object for every client of a variant."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.api import mjpeg, y4m
from services.api.encoding import Encoding
from services.api.part import make_part
from shared.frame import Geometry

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from services.api.part import Part, Pieces
    from shared.frame import Epoch, FrameInfo, MonotonicNs, PixelFormat, Sequence

__all__ = ["EncodedFrame", "Made", "framed"]


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of a frame.

    Attributes:
        quality: 1 to 100; None: as the camera gave it, or there is none.
        size: Width and height of the picture; None: those of the frame.
        encoding: The form of the picture.
        pixel_format: Order of the channels of uncompressed pixels; None: there is none to tell.
    """

    quality: int | None = None
    size: tuple[int, int] | None = None
    encoding: Encoding = Encoding.JPEG
    pixel_format: PixelFormat | None = None


@dataclass(slots=True)
class EncodedFrame:
    """One encoded frame, framed for sending; the same object for every client of the variant.

    The part holds the bytes of both kinds of clients, one after the other::

        header | picture | trailer | header of the next part
        └────────── whole ──────────┘
                 └──────────── advance ─────────────┘
        └────── plain ───┘

    The header is that of a part of a multipart, but with frames of Y4M, which need ``plain``.

    Attributes:
        epoch: The life of the camera's segment that the frame belongs to, whoever encoded it.
        sequence: Its number there.
        captured_at: When it was captured, ``CLOCK_MONOTONIC``.
        online: False for a blank.
        part: The bytes to send.
        size_bytes: Length of the picture alone.
        headers: What the frame says about itself.
        encode_ns: What encoding it took, nanoseconds; 0: nothing was encoded.
        quality: 1 to 100; None: as the camera gave it, or there is none.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        encoding: The form of the picture.
        captured_wall_us: When it was captured by the wall clock of its origin, microseconds since
            1970.
        hops: Nodes it came through, origin first, this one last; empty: not known.
        made_at: When it was there for all clients, ``CLOCK_MONOTONIC``.
        whole: Start and end of what most clients are sent.
        advance: Start and end for a client that was sent this part's header in advance.
        whole_pieces, advance_pieces: The same as pieces to send, made once for all clients.
    """

    epoch: Epoch
    sequence: Sequence
    captured_at: MonotonicNs
    online: bool
    part: Part = field(repr=False)
    size_bytes: int
    headers: list[tuple[str, str]]
    encode_ns: int
    quality: int | None
    width: int
    height: int
    encoding: Encoding = Encoding.JPEG
    captured_wall_us: int = 0
    hops: tuple[str, ...] = ()
    made_at: int = field(init=False, repr=False)
    whole: tuple[int, int] = field(init=False, repr=False)
    advance: tuple[int, int] = field(init=False, repr=False)
    whole_pieces: Pieces = field(init=False, repr=False)
    advance_pieces: Pieces = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Find the two stretches, counting from the end of the part."""
        self.made_at = time.monotonic_ns()
        whole_end = self.part.size_bytes - len(mjpeg.NEXT_HEADER)
        self.whole = (0, whole_end)
        self.advance = (whole_end - len(mjpeg.TRAILER) - self.size_bytes, self.part.size_bytes)
        self.whole_pieces = ((self.part, *self.whole),)
        self.advance_pieces = ((self.part, *self.advance),)

    @property
    def origin(self) -> tuple[Epoch, Sequence]:
        """What names the camera's frame, as ``FrameInfo`` has it."""
        return self.epoch, self.sequence

    @property
    def picture(self) -> bytes:
        """The picture alone (a copy)."""
        start, _ = self.advance
        return self.part.read(start, start + self.size_bytes)

    @property
    def plain(self) -> tuple[int, int]:
        """Start and end of header and picture."""
        return 0, self.advance[0] + self.size_bytes


def framed(
    info: FrameInfo,
    data: bytes | memoryview | NDArray[Any],
    made: Made = Made(),
    *,
    encode_ns: int = 0,
    checksum: int | None = None,
) -> EncodedFrame:
    """Frame a picture for sending; copies it, so that ``data`` may change afterwards.

    Args:
        info: The frame it shows.
        data: The picture: any C-contiguous buffer of bytes, ``uint8[size_bytes]`` for instance.
        made: What the picture is; a JPEG as the camera gave it, unless it is said.
        encode_ns: What encoding it took, nanoseconds; 0: nothing was encoded.
        checksum: CRC-32 of the picture, for clients to verify; None: checksums are off.
    """
    epoch, sequence = info.origin
    wall_us = info.origin_wall_us
    if not wall_us:  # its writer is of an older release
        wall_us = (time.time_ns() - time.monotonic_ns() + info.captured_at) // 1000
    headers = mjpeg.frame_headers(sequence, epoch, wall_us, online=info.online)
    view = memoryview(data if isinstance(data, bytes | memoryview) else data.data).cast("B")
    width, height = made.size or (info.geometry.width, info.geometry.height)
    if made.pixel_format is not None:
        headers += mjpeg.pixel_headers(Geometry(width, height, made.pixel_format))
    elif made.encoding.lossy:
        headers += mjpeg.picture_headers(made.quality, width, height)
    else:
        headers += mjpeg.size_headers(width, height)
    if checksum is not None:
        headers += mjpeg.checksum_headers(checksum)
    if len(info.hops) > 1:
        headers += mjpeg.hop_headers(info.hops)
    if made.encoding is Encoding.I420:
        header = y4m.FRAME
    else:
        header = mjpeg.part_header(view.nbytes, headers, made.encoding.content_type)
    return EncodedFrame(
        epoch,
        sequence,
        info.captured_at,
        info.online,
        make_part((header, view, mjpeg.TRAILER, mjpeg.NEXT_HEADER)),
        view.nbytes,
        headers,
        encode_ns,
        made.quality,
        width,
        height,
        made.encoding,
        wall_us,
        info.hops,
    )
