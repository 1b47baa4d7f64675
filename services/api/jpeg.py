"""One encoded frame as it is sent: the same object for every client of a variant."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.api import mjpeg

if TYPE_CHECKING:
    from shared.frame import Epoch, FrameInfo, MonotonicNs, Sequence

__all__ = ["Jpeg", "framed"]


@dataclass(slots=True)
class Jpeg:
    """One encoded frame, framed for sending; the same object for every client of the variant.

    Attributes:
        epoch: The segment's life the frame belongs to.
        sequence: Its number.
        captured_at: When it was captured, ``CLOCK_MONOTONIC``.
        online: False for a blank.
        part: The whole multipart part, trailing boundary included.
        size_bytes: Length of the picture alone.
        headers: What the frame says about itself.
    """

    epoch: Epoch
    sequence: Sequence
    captured_at: MonotonicNs
    online: bool
    part: bytes = field(repr=False)
    size_bytes: int
    headers: list[tuple[str, str]]
    _advance: bytes = field(default=b"", repr=False)

    @property
    def picture(self) -> bytes:
        """The JPEG alone (a copy)."""
        return mjpeg.jpeg_of(self.part, self.size_bytes)

    @property
    def advance(self) -> bytes:
        """The part for clients that were sent its header in advance; made once."""
        if not self._advance:
            self._advance = mjpeg.advance_part(self.part, self.size_bytes)
        return self._advance


def framed(info: FrameInfo, data: bytes | memoryview) -> Jpeg:
    """Frame a picture for sending.

    Args:
        info: The frame it shows.
        data: The JPEG.
    """
    wall_us = (time.time_ns() - time.monotonic_ns() + info.captured_at) // 1000
    headers = mjpeg.frame_headers(info.sequence, info.epoch, wall_us, online=info.online)
    size_bytes = data.nbytes if isinstance(data, memoryview) else len(data)
    return Jpeg(
        info.epoch,
        info.sequence,
        info.captured_at,
        info.online,
        mjpeg.part(data, size_bytes, headers),
        size_bytes,
        headers,
    )
