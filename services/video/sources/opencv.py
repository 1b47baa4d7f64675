"""Pictures out of ``cv2.VideoCapture``, straight into the slot; what files, cameras and URLs share.

``grab`` decodes, ``retrieve(slot.image)`` converts to BGR and lays the result into shared memory.
OpenCV keeps the given array when size and channels fit (a test holds that); otherwise it makes an
array of its own, and that is how a change of size shows. Streams by FFmpeg rarely show one: OpenCV
scales their pictures to the size they had when the stream was opened. Pictures that stay JPEG are
``passthrough.py``'s.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Protocol

import cv2
import numpy as np

from services.video.sources.source import PictureResized, PictureUnreadable
from shared.frame import Geometry, PixelFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.ring.writer import Slot

__all__ = [
    "Capture",
    "CaptureSource",
    "MakeCapture",
    "Pictures",
    "fourcc_text",
    "open_capture",
    "prepare_opencv",
]

_FORMAT_OF_CHANNELS: Final = {
    1: PixelFormat.GRAY8,
    3: PixelFormat.BGR24,
    4: PixelFormat.BGRA32,
}
_ENVIRONMENT: Final = {
    # TCP: UDP loses packets, and half a picture is worse than a late one. Not `fflags;nobuffer`:
    # it throws away the first key frame, and nothing can be decoded until the next.
    "OPENCV_FFMPEG_CAPTURE_OPTIONS": "rtsp_transport;tcp",
    # FFmpeg writes to standard error past our log; our own errors say what is wrong. -8 is quiet.
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
}


class Capture(Protocol):
    """The part of ``cv2.VideoCapture`` that we use; the seam where tests put a camera of theirs."""

    def isOpened(self) -> bool: ...  # noqa: N802, D102 - OpenCV's name
    def grab(self) -> bool: ...  # noqa: D102
    def retrieve(self, image: Any = ..., flag: int = ...) -> tuple[bool, Any]: ...  # noqa: ANN401, D102
    def get(self, propId: int) -> float: ...  # noqa: N803, D102
    def set(self, propId: int, value: float) -> bool: ...  # noqa: N803, D102
    def release(self) -> None: ...  # noqa: D102


class MakeCapture(Protocol):
    """``open_capture``, or a test's replacement for it."""

    def __call__(self, target: str, backend: int, options: Sequence[int]) -> Capture: ...  # noqa: D102


def prepare_opencv() -> None:
    """Tame OpenCV, once per process, before the first source is opened.

    OpenCV and its FFmpeg take some options from the environment only and read them when they open
    their first stream, so they are put there here, next to what needs them; whoever has set them
    outside is not overruled. We read nothing: that is done in ``shared/settings.py`` alone.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    cv2.setNumThreads(1)


def open_capture(target: str, backend: int, options: Sequence[int]) -> Capture:
    """Open a ``cv2.VideoCapture``; ask it with ``isOpened`` whether that worked."""
    prepare_opencv()
    capture = cv2.VideoCapture()
    capture.open(target, backend, list(options))
    return capture


class Pictures:
    """The pictures of one opened capture; used by one thread at a time.

    Args:
        capture: Opened; released by ``close``.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self.announced = Geometry(max(1, width), max(1, height), PixelFormat.BGR24)
        """The properties' word."""
        self.geometry = self.announced
        """What the next picture is expected to be: that, then the last picture."""

    @property
    def size_bytes(self) -> int | None:
        """Length of the JPEG grabbed last; None for raw pixels, whose geometry tells it."""
        return None

    @property
    def fps(self) -> float | None:
        """Frames per second as the source claims, None when that cannot be true."""
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        max_plausible = 1000.0
        return fps if 0.0 < fps <= max_plausible else None

    @property
    def position_s(self) -> float:
        """Presentation time of the picture grabbed last, seconds; 0.0 when it has none."""
        return max(0.0, self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0)

    @property
    def size_and_codec(self) -> str:
        """Size and codec, for the log."""
        codec = fourcc_text(self._capture.get(cv2.CAP_PROP_FOURCC))
        return f"{self.announced.width}x{self.announced.height}, {codec}"

    @property
    def details(self) -> str:
        """Size, codec and rate, for the log."""
        rate = "unknown fps" if self.fps is None else f"{self.fps:g} fps"
        return f"{self.size_and_codec}, {rate}"

    def grab(self) -> bool:
        """Wait for the next picture and decode it; False: there is none."""
        return self._capture.grab()

    def retrieve(self, slot: Slot) -> Geometry:
        """Put the picture grabbed last into ``slot.image``.

        Raises:
            PictureResized: It does not fit; the exception has it.
            PictureUnreadable: OpenCV cannot convert it, or to something no ring holds.
        """
        room = slot.image
        try:
            retrieved, image = self._capture.retrieve(room)
        except cv2.error as error:
            raise PictureUnreadable(f"OpenCV: {error.err}") from error
        if not retrieved or image is None:
            raise PictureUnreadable("the picture could not be decoded")
        geometry = _geometry_of(image)
        self.geometry = geometry
        if geometry != slot.geometry:
            raise PictureResized(geometry, image.reshape(geometry.shape))
        if image.ctypes.data != room.ctypes.data:
            np.copyto(room, image.reshape(geometry.shape))
        return geometry

    def close(self) -> None:
        """Release the capture; more than once is harmless."""
        self._capture.release()


class CaptureSource:
    """The half of a ``source.Source`` that files, cameras and URLs share: who has the pictures.

    The other half, ``open`` and ``grab``, is each kind's own.

    Args:
        label: What it is, for people.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self._pictures: Pictures | None = None

    @property
    def details(self) -> str:
        """Size, codec and rate of what is open."""
        return "closed" if self._pictures is None else self._pictures.details

    def retrieve(self, slot: Slot) -> Geometry:
        """Convert the picture grabbed last into the slot."""
        return self._opened().retrieve(slot)

    def close(self) -> None:
        """Let it go."""
        if self._pictures is not None:
            self._pictures.close()
            self._pictures = None

    def _opened(self) -> Pictures:
        if self._pictures is None:
            raise RuntimeError("grab or retrieve before open")
        return self._pictures


def fourcc_text(value: float) -> str:
    """A FourCC as its four letters; ``unknown format`` when it is none."""
    text = int(value).to_bytes(8, "little", signed=True)[:4].decode("ascii", "replace").strip("\0 ")
    return text if text.isascii() and text.isprintable() and text else "unknown format"


def _geometry_of(image: NDArray[np.uint8]) -> Geometry:
    channels = 1 if image.ndim == 2 else image.shape[2]  # noqa: PLR2004 - rows and columns only
    pixel_format = _FORMAT_OF_CHANNELS.get(channels)
    if pixel_format is None or image.dtype != np.uint8:
        raise PictureUnreadable(
            f"pictures of {channels} channels of {image.dtype} are not supported"
        )
    return Geometry(image.shape[1], image.shape[0], pixel_format)
