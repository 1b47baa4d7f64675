"""Pictures go from OpenCV into shared memory without a copy of ours, whatever their shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from services.video.sources.opencv import (
    Capture,
    Pictures,
    fourcc_text,
    open_capture,
    prepare_opencv,
)
from services.video.sources.source import PictureResized, PictureUnreadable
from shared.frame import Geometry, PixelFormat
from tests.support.capture import FakeCapture
from tests.support.pictures import number_in, telling_picture

if TYPE_CHECKING:
    from pathlib import Path

    from shared.ring.writer import RingWriter


class Spy:
    """A real capture; remembers the array that came out of it."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self.given: np.ndarray | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._capture, name)

    def retrieve(self, image: np.ndarray, flag: int = 0) -> tuple[bool, np.ndarray]:
        retrieved, self.given = self._capture.retrieve(image, flag)
        assert self.given is not None
        return retrieved, self.given


def test_opencv_writes_into_the_slot_itself(h264_file: Path, writer: RingWriter) -> None:
    """No array of its own, no copy: the data pointers are the same."""
    spy = Spy(open_capture(str(h264_file), cv2.CAP_FFMPEG, []))
    pictures = Pictures(spy)  # type: ignore[arg-type]  # __getattr__ is invisible to mypy
    assert pictures.grab()
    slot = writer.begin(pictures.geometry)

    pictures.retrieve(slot)

    assert spy.given is not None
    assert spy.given.ctypes.data == slot.image.ctypes.data == slot.payload.ctypes.data
    assert number_in(slot.image) == 0
    pictures.close()


def test_array_that_opencv_made_itself_is_copied_into_the_slot(writer: RingWriter) -> None:
    class Stubborn(FakeCapture):
        def retrieve(self, image: object = None, flag: int = 0) -> tuple[bool, object]:
            del image
            return super().retrieve(None, flag)

    pictures = Pictures(Stubborn([telling_picture(7)]))
    pictures.grab()
    slot = writer.begin(Geometry(320, 240, PixelFormat.BGR24))

    pictures.retrieve(slot)

    assert number_in(slot.image) == 7


@pytest.mark.parametrize(
    ("shape", "pixel_format"),
    [
        ((240, 320), PixelFormat.GRAY8),
        ((240, 320, 1), PixelFormat.GRAY8),
        ((240, 320, 4), PixelFormat.BGRA32),
        ((120, 160, 3), PixelFormat.BGR24),
    ],
)
def test_picture_of_another_shape_is_resized_once_and_then_expected(
    shape: tuple[int, ...], pixel_format: PixelFormat, writer: RingWriter
) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    geometry = Geometry(shape[1], shape[0], pixel_format)
    properties = {cv2.CAP_PROP_FRAME_WIDTH: 320.0, cv2.CAP_PROP_FRAME_HEIGHT: 240.0}
    pictures = Pictures(FakeCapture([image, image], properties=properties))
    pictures.grab()

    with pytest.raises(PictureResized) as resized:
        pictures.retrieve(writer.begin(pictures.geometry))
    assert resized.value.geometry == geometry
    assert resized.value.image.shape == geometry.shape

    pictures.grab()
    slot = writer.begin(pictures.geometry)
    assert pictures.retrieve(slot) == geometry
    assert (slot.image == image.reshape(geometry.shape)).all()


@pytest.mark.parametrize(
    "image", [None, np.zeros((240, 320, 2), np.uint8), np.zeros((240, 320, 3), np.uint16)]
)
def test_picture_nobody_can_use_is_unreadable(image: np.ndarray | None, writer: RingWriter) -> None:
    pictures = Pictures(FakeCapture([image]))
    pictures.grab()

    with pytest.raises(PictureUnreadable):
        pictures.retrieve(writer.begin(Geometry(320, 240, PixelFormat.BGR24)))


def test_error_inside_opencv_makes_the_picture_unreadable(writer: RingWriter) -> None:
    class Broken(FakeCapture):
        def retrieve(self, image: object = None, flag: int = 0) -> tuple[bool, object]:
            del image, flag
            cv2.imdecode(np.empty(0, np.uint8), cv2.IMREAD_COLOR)
            raise cv2.error("no such conversion")

    pictures = Pictures(Broken([telling_picture(0)]))
    pictures.grab()

    with pytest.raises(PictureUnreadable):
        pictures.retrieve(writer.begin(Geometry(320, 240, PixelFormat.BGR24)))


@pytest.mark.parametrize("fps", [0.0, -1.0, 90000.0, float("nan")])
def test_impossible_rate_is_no_rate(fps: float) -> None:
    pictures = Pictures(FakeCapture([], properties={cv2.CAP_PROP_FPS: fps}))

    assert pictures.fps is None
    assert "unknown fps" in pictures.details


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float(int.from_bytes(b"MJPG", "little")), "MJPG"),
        (0.0, "unknown format"),
        (-1.0, "unknown format"),
        (6.0, "unknown format"),
    ],
)
def test_fourcc_is_text_where_it_is_one(value: float, text: str) -> None:
    assert fourcc_text(value) == text


def test_opencv_uses_one_thread_and_overrules_no_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cores are for more cameras; and who sets FFmpeg's options outside knows why."""
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;udp")

    prepare_opencv()

    assert cv2.getNumThreads() == 1
