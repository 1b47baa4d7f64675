"""A camera at this machine, through Video4Linux."""

from __future__ import annotations

import logging
import os
import stat
from typing import TYPE_CHECKING, Final

import cv2

from services.video.sources.opencv import (
    Capture,
    CaptureSource,
    MakeCapture,
    fourcc_text,
    open_capture,
)
from services.video.sources.passthrough import pictures_of
from services.video.sources.source import Grab, monotonic_ns
from shared.errors import SourceUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from shared.settings_schema import DeviceSettings

__all__ = ["DeviceSource"]

log = logging.getLogger(__name__)

_FPS_TOLERANCE: Final = 0.5
_SILENCE_S: Final = 10.0
"""OpenCV's own patience with a camera that gives nothing: ``CAP_PROP_READ_TIMEOUT_MSEC``."""


class DeviceSource(CaptureSource):
    """See ``source.Source`` for the promises.

    Drivers take what they can of the wishes and say nothing, so what the camera really gives is
    asked afterwards, logged, and a difference is a warning. That answer also decides whether there
    are JPEGs to be passed through.

    Args:
        path: The device, ``/dev/video0``.
        wishes: The ``video.device`` settings.
        passthrough: Keep JPEGs as they are, the ``video.passthrough`` setting.
        max_pixels: The ``video.max_pixels`` setting.
        make_capture: For tests.
    """

    def __init__(
        self,
        path: Path,
        wishes: DeviceSettings,
        *,
        passthrough: bool = False,
        max_pixels: int = 100_000_000,
        make_capture: MakeCapture = open_capture,
    ) -> None:
        super().__init__(f"v4l2:{path}")
        self._path = path
        self._wishes = wishes
        self._passthrough = passthrough
        self._max_pixels = max_pixels
        self._make_capture = make_capture

    @property
    def longest_open_s(self) -> float:
        """OpenCV may wait for the camera while it tries what it can do."""
        return _SILENCE_S

    @property
    def longest_grab_s(self) -> float:
        """As long as OpenCV waits for a picture."""
        return _SILENCE_S

    def open(self) -> None:
        """Open the camera and ask for what was wished.

        Raises:
            SourceUnavailable: No such device, not allowed, or in use.
        """
        self.close()
        self._check_path()
        capture = self._make_capture(str(self._path), cv2.CAP_V4L2, [])
        if not capture.isOpened():
            capture.release()
            raise SourceUnavailable(
                f"{self._path} does not open as a camera: in use by another program, or no "
                "capture device (a camera often has two nodes, try the next number)"
            )
        self._ask(capture)
        self._pictures = pictures_of(
            capture,
            cv2.CAP_V4L2,
            passthrough=self._passthrough,
            max_pixels=self._max_pixels,
        )
        self._compare(capture)

    def grab(self) -> Grab:
        """Wait for the camera's next picture.

        Raises:
            SourceUnavailable: The camera was unplugged, or fell silent (OpenCV waits 10 s).
        """
        pictures = self._opened()
        if not pictures.grab():
            gone = "" if self._path.exists() else ": it was unplugged"
            raise SourceUnavailable(f"{self._path} gives no pictures any more{gone}")
        return Grab(pictures.geometry, monotonic_ns(), size_bytes=pictures.size_bytes)

    def _check_path(self) -> None:
        try:
            mode = self._path.stat().st_mode
        except OSError:
            raise SourceUnavailable(
                f"there is no {self._path}: is the camera plugged in, and passed to the container?"
            ) from None
        if not stat.S_ISCHR(mode):
            raise SourceUnavailable(f"{self._path} is not a device")
        if not os.access(self._path, os.R_OK | os.W_OK):
            raise SourceUnavailable(
                f"{self._path} may not be used by user {os.getuid()}: add it to group video"
            )

    def _ask(self, capture: Capture) -> None:
        """Set the wishes; the format first, because sizes and rates depend on it."""
        wishes = self._wishes
        if wishes.pixel_format is not None:
            code = int.from_bytes(wishes.pixel_format.encode("ascii"), "little")
            capture.set(cv2.CAP_PROP_FOURCC, code)
        for property_id, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, wishes.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, wishes.height),
            (cv2.CAP_PROP_FPS, wishes.fps),
        ):
            if value is not None:
                capture.set(property_id, value)

    def _compare(self, capture: Capture) -> None:
        """Warn where the camera gives something else than it was asked for."""
        wishes = self._wishes
        pixel_format = fourcc_text(capture.get(cv2.CAP_PROP_FOURCC))
        different = [
            f"{name} {wished} wished, {given:g} given"
            for name, wished, given, tolerance in (
                ("width", wishes.width, capture.get(cv2.CAP_PROP_FRAME_WIDTH), 0),
                ("height", wishes.height, capture.get(cv2.CAP_PROP_FRAME_HEIGHT), 0),
                ("fps", wishes.fps, capture.get(cv2.CAP_PROP_FPS), _FPS_TOLERANCE),
            )
            if wished is not None and abs(given - wished) > tolerance
        ]
        if wishes.pixel_format not in (None, pixel_format):
            different.append(f"format {wishes.pixel_format} wished, {pixel_format} given")
        if different:
            log.warning("%s: %s", self.label, "; ".join(different))
