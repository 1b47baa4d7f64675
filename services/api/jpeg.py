"""One encoded frame as it is sent: the same object for every client of a variant."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.api import mjpeg

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from shared.frame import Epoch, FrameInfo, MonotonicNs, Sequence

__all__ = ["Jpeg", "framed"]


@dataclass(slots=True)
class Jpeg:
    """One encoded frame, framed for sending; the same object for every client of the variant.

    Attributes:
        epoch: The life of the camera's segment that the frame belongs to, whoever encoded it.
        sequence: Its number there.
        captured_at: When it was captured, ``CLOCK_MONOTONIC``.
        online: False for a blank.
        part: The whole multipart part, trailing boundary included.
        size_bytes: Length of the picture alone.
        headers: What the frame says about itself.
        encode_ns: What encoding it took, nanoseconds; 0: nothing was encoded.
        quality: 1 to 100; None: as the camera gave it.
        width: Of the picture, pixels; 0: not known.
        height: Of the picture, pixels; 0: not known.
    """

    epoch: Epoch
    sequence: Sequence
    captured_at: MonotonicNs
    online: bool
    part: bytes = field(repr=False)
    size_bytes: int
    headers: list[tuple[str, str]]
    encode_ns: int = 0
    quality: int | None = None
    width: int = 0
    height: int = 0
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


def framed(
    info: FrameInfo,
    data: bytes | memoryview | NDArray[Any],
    *,
    encode_ns: int = 0,
    quality: int | None = None,
    size: tuple[int, int] | None = None,
) -> Jpeg:
    """Frame a picture for sending; copies it, so that ``data`` may change afterwards.

    Args:
        info: The frame it shows.
        data: The JPEG: any C-contiguous buffer of bytes, ``uint8[size_bytes]`` for instance.
        encode_ns: What encoding it took, nanoseconds; 0: nothing was encoded.
        quality: 1 to 100; None: as the camera gave it.
        size: Width and height of the picture; None: as ``info`` says.
    """
    epoch: Epoch = getattr(info, "origin_epoch", info.epoch)
    sequence: Sequence = getattr(info, "origin_sequence", info.sequence)
    wall_us = (time.time_ns() - time.monotonic_ns() + info.captured_at) // 1000
    headers = mjpeg.frame_headers(sequence, epoch, wall_us, online=info.online)
    view = memoryview(data if isinstance(data, bytes | memoryview) else data.data).cast("B")
    width, height = size or (info.geometry.width, info.geometry.height)
    return Jpeg(
        epoch,
        sequence,
        info.captured_at,
        info.online,
        mjpeg.part(view, view.nbytes, headers),
        view.nbytes,
        headers,
        encode_ns,
        quality,
        width,
        height,
    )
