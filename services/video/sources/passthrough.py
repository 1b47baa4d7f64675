"""JPEGs as the source gave them: nothing is decoded, nothing scaled.

Only when a JPEG is there it is known how much room it needs, so it is taken out of OpenCV in
``grab`` already (``jpegs.py``), and ``retrieve`` lays it into the slot.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from services.video.sources.jpegs import DecodedJpegs, Jpegs, hands_out_undecoded
from services.video.sources.opencv import Capture, Pictures, fourcc_text
from services.video.sources.source import PictureUnreadable
from shared.errors import SourceUnavailable
from shared.frame import Geometry, PixelFormat
from shared.jpeg import STANDARD_TABLES, JpegHeader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.ring.writer import Slot

__all__ = ["JpegPictures", "pictures_of"]

log = logging.getLogger(__name__)

_JPEG_CODECS: Final = ("MJPG", "JPEG")
_TABLES: Final = np.frombuffer(STANDARD_TABLES, np.uint8)


def pictures_of(capture: Capture, backend: int, *, passthrough: bool, max_pixels: int) -> Pictures:
    """The pictures of an opened capture: JPEGs as they are, if it has any and they are wanted.

    Args:
        capture: Opened, set up, and not grabbed from.
        backend: ``cv2.CAP_FFMPEG`` or ``cv2.CAP_V4L2``.
        passthrough: The ``video.passthrough`` setting.
        max_pixels: The ``video.max_pixels`` setting.

    Raises:
        SourceUnavailable: Its pictures are larger than that; it is released then.
    """
    codec = fourcc_text(capture.get(cv2.CAP_PROP_FOURCC))
    if codec in _JPEG_CODECS:
        if hands_out_undecoded(capture, backend):
            kind = JpegPictures if passthrough else DecodedJpegs
            return kind(capture, max_pixels)
        log.warning("OpenCV does not hand out its %s undecoded; it is decoded", codec)
    pictures = Pictures(capture)
    width, height = pictures.geometry.width, pictures.geometry.height
    if width * height > max_pixels:
        pictures.close()
        raise SourceUnavailable(
            f"its pictures have {width}x{height} pixels, more than video.max_pixels ({max_pixels})"
        )
    return pictures


class JpegPictures(Jpegs):
    """Pictures that stay JPEG; see ``jpegs.Jpegs``."""

    def __init__(self, capture: Capture, max_pixels: int) -> None:
        super().__init__(capture, max_pixels)
        self.geometry = Geometry(self.geometry.width, self.geometry.height, PixelFormat.JPEG)
        self._size_bytes = max(1, self.geometry.width * self.geometry.height // 8)  # a guess
        self._tables_at: int | None = None

    @property
    def size_bytes(self) -> int:
        """Length of the JPEG grabbed last, tables included; of a damaged one, the one before's."""
        return self._size_bytes

    @property
    def size_and_codec(self) -> str:
        """Size and codec, for the log, and that it is passed through."""
        return f"{super().size_and_codec} passed through"

    def retrieve(self, slot: Slot) -> Geometry:
        """Lay the JPEG grabbed last into ``slot.payload``, tables added where they are missing.

        Raises:
            PictureUnreadable: It is damaged, or none.
        """
        self._refuse_damaged()
        jpeg, at, room = self._jpeg, self._tables_at, slot.payload
        if at is None:
            room[: jpeg.size] = jpeg
        else:
            room[:at] = jpeg[:at]
            room[at : at + _TABLES.size] = _TABLES
            room[at + _TABLES.size : self.size_bytes] = jpeg[at:]
        return self.geometry

    def _accept(self, packet: NDArray[np.uint8], header: JpegHeader) -> None:
        if self._is_field(header):
            raise PictureUnreadable("it is interlaced, which only video.passthrough=false can show")
        self.geometry = Geometry(header.width, header.height, PixelFormat.JPEG)
        self._jpeg, self._tables_at = packet[: header.size_bytes], header.tables_at
        missing = 0 if header.tables_at is None else _TABLES.size
        self._size_bytes = header.size_bytes + missing
