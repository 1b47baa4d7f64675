"""JPEGs out of ``cv2.VideoCapture``, looked at before anything is decoded.

Both backends hand out what they read when they are told so before the first grab: FFmpeg with
``CAP_PROP_FORMAT`` -1 (the packet), Video4Linux with ``CAP_PROP_CONVERT_RGB`` 0 (the camera's
buffer). What comes is ``uint8[1, n]``. Left to themselves they would decode whatever size a header
claims, and FFmpeg takes one damaged picture for the end of the stream.

What is done with a JPEG that is good: ``passthrough.py`` keeps it, ``DecodedJpegs`` decodes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from services.video.sources.opencv import Capture, Pictures
from services.video.sources.source import PictureResized, PictureUnreadable
from shared.frame import Geometry, PixelFormat
from shared.jpeg import JpegHeader, read_header

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.ring.writer import Slot

__all__ = ["DecodedJpegs", "Jpegs", "decoded", "hands_out_undecoded"]

_UNDECODED: Final = {
    cv2.CAP_FFMPEG: (cv2.CAP_PROP_FORMAT, -1),
    cv2.CAP_V4L2: (cv2.CAP_PROP_CONVERT_RGB, 0),
}
_AS_STORED: Final = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_MAX_AXIS: Final = 2**15
"""Libjpeg takes 65500, browsers take less."""
_NEXT_FIELD: Final = re.compile(rb"\xff\xd9[\x00\xff]*(?=\xff\xd8\xff)")
"""End of one JPEG, padding, and the start of another."""


def hands_out_undecoded(capture: Capture, backend: int) -> bool:
    """Tell an opened capture, not grabbed from yet, to decode nothing; whether it obeys."""
    return capture.set(*_UNDECODED[backend])


class Jpegs(Pictures):
    """Grabs JPEGs and refuses the damaged and the immense; see ``opencv.Pictures``.

    Args:
        capture: Opened, and told to decode nothing; released by ``close``.
        max_pixels: The ``video.max_pixels`` setting.
    """

    def __init__(self, capture: Capture, max_pixels: int) -> None:
        super().__init__(capture)
        self._max_pixels = max_pixels
        if self.geometry.width * self.geometry.height > max_pixels:  # no room is made for that
            self.geometry = Geometry(1, 1, PixelFormat.BGR24)
        self._has_fields: bool | None = None
        self._jpeg: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._problem = "no picture was grabbed"  # why the last one cannot be used

    def grab(self) -> bool:
        """Wait for the next JPEG and look at its header; False: there is none."""
        if not self._capture.grab():
            return False
        self._problem = ""
        try:
            packet = self._packet()
            header = self._header_of(packet)
            self._check_size(header)
            self._accept(packet, header)
        except PictureUnreadable as error:
            self._problem = str(error)
        return True

    def _accept(self, packet: NDArray[np.uint8], header: JpegHeader) -> None:
        """Keep what ``retrieve`` will need.

        Args:
            packet: ``uint8[n]``, ours.
            header: What it says; its size is allowed.

        Raises:
            PictureUnreadable: It cannot be used after all.
        """
        raise NotImplementedError

    def _refuse_damaged(self) -> None:
        if self._problem:
            raise PictureUnreadable(self._problem)

    def _packet(self) -> NDArray[np.uint8]:
        """What OpenCV has, ``uint8[n]``."""
        try:
            retrieved, packet = self._capture.retrieve()
        except cv2.error as error:
            raise PictureUnreadable(f"OpenCV: {error.err}") from error
        if not retrieved or packet is None or packet.dtype != np.uint8:
            raise PictureUnreadable("OpenCV gave no picture")
        return np.ascontiguousarray(packet).reshape(-1)

    @staticmethod
    def _header_of(jpeg: NDArray[np.uint8]) -> JpegHeader:
        try:
            return read_header(jpeg.data)
        except ValueError as error:
            raise PictureUnreadable(str(error)) from error

    def _check_size(self, header: JpegHeader) -> None:
        width, height = header.width, header.height
        if width * height > self._max_pixels:
            raise PictureUnreadable(
                f"it claims {width}x{height} pixels, more than video.max_pixels "
                f"({self._max_pixels})"
            )
        if max(width, height) > _MAX_AXIS:
            raise PictureUnreadable(f"{width}x{height} is too large to be true")

    def _is_field(self, header: JpegHeader) -> bool:
        """Whether packets hold one JPEG of the even and one of the odd rows: interlaced video.

        The first picture tells: it is as wide as the file is said to be, and half as high.
        """
        if self._has_fields is None:
            columns, rows = self.announced.width, self.announced.height
            fields = {(columns, rows // 2), (columns, (rows + 1) // 2)} if rows > 1 else set()
            self._has_fields = (header.width, header.height) in fields
        return self._has_fields


class DecodedJpegs(Jpegs):
    """Decodes into the slot what ``Jpegs`` lets pass, both fields of interlaced video too."""

    def retrieve(self, slot: Slot) -> Geometry:
        """Decode the JPEG grabbed last into ``slot.image``.

        Raises:
            PictureResized: It does not fit; the exception has it.
            PictureUnreadable: It is damaged, or none.
        """
        self._refuse_damaged()
        image = self._woven() if self._has_fields else decoded(self._jpeg)
        self.geometry = Geometry(image.shape[1], image.shape[0], PixelFormat.BGR24)
        if self.geometry != slot.geometry:
            raise PictureResized(self.geometry, image)
        np.copyto(slot.image, image)
        return self.geometry

    def _accept(self, packet: NDArray[np.uint8], header: JpegHeader) -> None:
        height = 2 * header.height if self._is_field(header) else header.height
        self.geometry = Geometry(header.width, height, PixelFormat.BGR24)
        self._jpeg = packet[: header.size_bytes]

    def _woven(self) -> NDArray[np.uint8]:
        """The first JPEG's rows and, between them, the second's."""
        found = _NEXT_FIELD.search(self._jpeg.data)
        if found is None:
            raise PictureUnreadable("half of its rows are missing")
        behind = self._jpeg[found.end() :]
        self._check_size(self._header_of(behind))
        even, odd = decoded(self._jpeg[: found.end()]), decoded(behind)
        if even.shape != odd.shape:
            raise PictureUnreadable("its two halves do not belong together")
        return np.stack((even, odd), axis=1).reshape(-1, *even.shape[1:])


def decoded(jpeg: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``uint8[height, width, 3]``, BGR."""
    try:
        image = cv2.imdecode(jpeg, _AS_STORED)
    except cv2.error as error:
        raise PictureUnreadable(f"OpenCV: {error.err}") from error
    if image is None:
        raise PictureUnreadable("the picture could not be decoded")
    return np.asarray(image, np.uint8)
