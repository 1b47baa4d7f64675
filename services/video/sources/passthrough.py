"""JPEGs out of ``cv2.VideoCapture`` as the source gave them: nothing is decoded, nothing scaled.

Both backends hand out what they read when they are told so before the first grab: FFmpeg with
``CAP_PROP_FORMAT`` -1 (the packet), Video4Linux with ``CAP_PROP_CONVERT_RGB`` 0 (the camera's
buffer). What comes is ``uint8[1, n]``. Only then is it known how much room it needs, so it is taken
out of OpenCV in ``grab`` already, and ``retrieve`` lays it into the slot.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from services.video.sources.opencv import Capture, Pictures, fourcc_text
from services.video.sources.source import PictureUnreadable
from shared.frame import Geometry, PixelFormat
from shared.jpeg import STANDARD_TABLES, JpegHeader, read_header

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.ring.writer import Slot

__all__ = ["JpegPictures", "pictures_of"]

log = logging.getLogger(__name__)

_JPEG_CODECS: Final = ("MJPG", "JPEG")
_UNDECODED: Final = {
    cv2.CAP_FFMPEG: (cv2.CAP_PROP_FORMAT, -1),
    cv2.CAP_V4L2: (cv2.CAP_PROP_CONVERT_RGB, 0),
}
_MAX_PIXELS: Final = 2**26
"""A header that claims more would cost whoever decodes it, or draws a blank as large, 200 MB."""
_MAX_AXIS: Final = 2**15
"""Libjpeg takes 65500, browsers take less."""
_TABLES: Final = np.frombuffer(STANDARD_TABLES, np.uint8)


def pictures_of(capture: Capture, backend: int, *, passthrough: bool) -> Pictures:
    """The pictures of an opened capture: JPEGs as they are, if it has any and they are wanted.

    Args:
        capture: Opened, set up, and not grabbed from.
        backend: ``cv2.CAP_FFMPEG`` or ``cv2.CAP_V4L2``.
        passthrough: The ``video.passthrough`` setting.
    """
    codec = fourcc_text(capture.get(cv2.CAP_PROP_FOURCC))
    if passthrough and codec in _JPEG_CODECS:
        if capture.set(*_UNDECODED[backend]):
            return JpegPictures(capture)
        log.warning("OpenCV does not hand out its %s undecoded; it is decoded", codec)
    return Pictures(capture)


class JpegPictures(Pictures):
    """Pictures that stay JPEG; see ``opencv.Pictures``.

    Args:
        capture: Opened, and told to decode nothing; released by ``close``.
    """

    def __init__(self, capture: Capture) -> None:
        super().__init__(capture)
        self.geometry = Geometry(self.geometry.width, self.geometry.height, PixelFormat.JPEG)
        self._has_fields: bool | None = None
        self._size_bytes = max(1, self.geometry.width * self.geometry.height // 8)  # a guess
        self._jpeg: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._tables_at: int | None = None
        self._problem = "no picture was grabbed"  # why the last one cannot be used

    @property
    def size_bytes(self) -> int:
        """Length of the JPEG grabbed last, tables included; of a damaged one, the one before's."""
        return self._size_bytes

    @property
    def size_and_codec(self) -> str:
        """Size and codec, for the log, and that it is passed through."""
        return f"{super().size_and_codec} passed through"

    def grab(self) -> bool:
        """Wait for the next JPEG and look at its header; False: there is none."""
        if not self._capture.grab():
            return False
        self._problem = ""
        try:
            packet = self._packet()
            header = read_header(packet.data)
            self._refuse(header)
        except (PictureUnreadable, ValueError) as error:
            self._problem = str(error)
            return True
        self.geometry = Geometry(header.width, header.height, PixelFormat.JPEG)
        self._jpeg, self._tables_at = packet[: header.size_bytes], header.tables_at
        missing = 0 if header.tables_at is None else _TABLES.size
        self._size_bytes = header.size_bytes + missing
        return True

    def retrieve(self, slot: Slot) -> Geometry:
        """Lay the JPEG grabbed last into ``slot.payload``, tables added where they are missing.

        Raises:
            PictureUnreadable: It is damaged, or none.
        """
        if self._problem:
            raise PictureUnreadable(self._problem)
        jpeg, at, room = self._jpeg, self._tables_at, slot.payload
        if at is None:
            room[: jpeg.size] = jpeg
        else:
            room[:at] = jpeg[:at]
            room[at : at + _TABLES.size] = _TABLES
            room[at + _TABLES.size : self.size_bytes] = jpeg[at:]
        return self.geometry

    def _packet(self) -> NDArray[np.uint8]:
        """What OpenCV has, ``uint8[n]``."""
        try:
            retrieved, packet = self._capture.retrieve()
        except cv2.error as error:
            raise PictureUnreadable(f"OpenCV: {error.err}") from error
        if not retrieved or packet is None or packet.dtype != np.uint8:
            raise PictureUnreadable("OpenCV gave no picture")
        return np.ascontiguousarray(packet).reshape(-1)

    def _refuse(self, header: JpegHeader) -> None:
        """Refuse interlaced video, whose packets hold one JPEG of the odd and one of the even rows.

        The first picture tells: it is as wide as the file is said to be, and half as high.

        Raises:
            PictureUnreadable: It is such a file, and so are all its pictures; or it is immense.
        """
        if self._has_fields is None:
            columns, rows = self.geometry.width, self.geometry.height
            fields = {(columns, rows // 2), (columns, (rows + 1) // 2)} if rows > 1 else set()
            self._has_fields = (header.width, header.height) in fields
        if self._has_fields:
            raise PictureUnreadable("it is interlaced, which only video.passthrough=false can show")
        width, height = header.width, header.height
        if width * height > _MAX_PIXELS or max(width, height) > _MAX_AXIS:
            raise PictureUnreadable(f"{width}x{height} is too large to be true")
