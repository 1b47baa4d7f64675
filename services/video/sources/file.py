"""A video file, played at its own pace, over and over or once."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

import cv2

from services.video.sources.opencv import CaptureSource, MakeCapture, Pictures, open_capture
from services.video.sources.pacer import Pacer
from services.video.sources.passthrough import pictures_of
from services.video.sources.source import Grab, monotonic_ns
from shared.errors import SourceEnded, SourceUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from services.video.sources.source import Wait

__all__ = ["FileSource"]

_FALLBACK_FPS: Final = 25.0
_LONGEST_PICTURE_S: Final = 10.0
"""A larger step between two timestamps is taken for a damaged one."""
_HOPELESS_S: Final = 1.0
"""So late, the plan is given up and the file goes on from now."""


class FileSource(CaptureSource):
    """See ``source.Source`` for the promises.

    It starts over by opening the file again (6 to 9 ms for a 1080p H.264 file on 2 cores, less than
    a frame): seeking is not exact in every format, and a file that was replaced is noticed.

    Args:
        path: The file.
        loop: Start over at the end; otherwise ``grab`` raises SourceEnded.
        wait: Sleeps; comes back early when the service stops.
        passthrough: Keep JPEGs as they are, the ``video.passthrough`` setting.
        max_pixels: The ``video.max_pixels`` setting.
        make_capture: For tests.
    """

    def __init__(
        self,
        path: Path,
        *,
        loop: bool = True,
        wait: Wait = time.sleep,
        passthrough: bool = False,
        max_pixels: int = 100_000_000,
        make_capture: MakeCapture = open_capture,
    ) -> None:
        super().__init__(f"file:{path}")
        self._path = path
        self._loop = loop
        self._pacer = Pacer(wait)
        self._passthrough = passthrough
        self._max_pixels = max_pixels
        self._make_capture = make_capture
        self._position_s: float | None = None

    @property
    def longest_open_s(self) -> float:
        """Nobody has to answer."""
        return 0.0

    @property
    def longest_grab_s(self) -> float:
        """The file's own pace, which may be a picture in minutes; a late one is followed by one."""
        period_s = 0.0 if self._pictures is None else self._period_s(self._pictures)
        return 2.0 * max(_LONGEST_PICTURE_S, period_s)

    def open(self) -> None:
        """Open the file at its first picture.

        Raises:
            SourceUnavailable: No such file, not allowed, or not a video.
        """
        self.close()
        self._check_path()
        # Absolute: FFmpeg takes what is before the colon in "10:30.mp4" for a protocol.
        capture = self._make_capture(str(self._path.absolute()), cv2.CAP_FFMPEG, [])
        if not capture.isOpened():
            capture.release()
            raise SourceUnavailable(f"{self._path} is not a video that FFmpeg can read")
        self._pictures = pictures_of(
            capture,
            cv2.CAP_FFMPEG,
            passthrough=self._passthrough,
            max_pixels=self._max_pixels,
        )
        self._position_s = None

    def grab(self) -> Grab:
        """Wait until the next picture is due.

        One that comes too late is left out and counted, though never two in a row: a file that
        this machine cannot play in time still moves.

        Raises:
            SourceUnavailable: The file is gone, or holds no picture.
            SourceEnded: It is through, and not to be looped.
        """
        pictures = self._next_picture()
        late_s = self._pacer.wait_until(self._position_s or 0.0)
        dropped = 0
        if late_s > self._period_s(pictures):
            pictures = self._next_picture()
            late_s = self._pacer.wait_until(self._position_s or 0.0)
            dropped = 1
        if late_s > _HOPELESS_S:
            self._pacer.start_at(self._position_s or 0.0)
        return Grab(
            pictures.geometry,
            monotonic_ns(),
            size_bytes=pictures.size_bytes,
            dropped=dropped,
            period_s=self._period_s(pictures),
        )

    def _next_picture(self) -> Pictures:
        """Decode the next picture and set its position, starting over where that is wanted."""
        pictures = self._opened()
        if pictures.grab():
            self._position_s = self._position_after(self._position_s, pictures)
            return pictures
        if self._position_s is None:
            raise SourceUnavailable(f"{self._path} holds no picture that can be decoded")
        if not self._loop:
            raise SourceEnded(f"{self._path} is through")
        self.open()
        pictures = self._opened()
        if not pictures.grab():
            raise SourceUnavailable(f"{self._path} holds no picture that can be decoded")
        self._position_s = self._position_after(None, pictures)
        return pictures

    def _position_after(self, previous_s: float | None, pictures: Pictures) -> float:
        """Position of the picture grabbed last: its timestamp, or one period on if that is odd."""
        stamp_s, period_s = pictures.position_s, self._period_s(pictures)
        if previous_s is None:
            self._pacer.start_at(stamp_s, gap_s=period_s)
            return stamp_s
        if previous_s < stamp_s <= previous_s + _LONGEST_PICTURE_S:
            return stamp_s
        return previous_s + period_s

    @staticmethod
    def _period_s(pictures: Pictures) -> float:
        return 1.0 / (pictures.fps or _FALLBACK_FPS)

    def _check_path(self) -> None:
        if not self._path.exists():
            raise SourceUnavailable(f"there is no file {self._path}; is its folder mounted?")
        if not self._path.is_file():
            raise SourceUnavailable(f"{self._path} is not a file")
        if not os.access(self._path, os.R_OK):
            raise SourceUnavailable(f"{self._path} may not be read by user {os.getuid()}")
