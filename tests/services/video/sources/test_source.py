"""One suite for every kind of source: what ``source.Source`` promises.

Pattern, file, HTTP MJPEG and RTSP are the real thing. V4L2 runs on a ``cv2.VideoCapture`` of ours
(``tests/support/capture.py``): what is beneath that seam needs a camera, and there is none here.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.video.sources.device import DeviceSource
from services.video.sources.file import FileSource
from services.video.sources.network import NetworkSource
from services.video.sources.pattern import PatternSource, PatternSpec
from services.video.sources.source import PictureResized, Source, monotonic_ns
from shared.errors import SourceUnavailable
from shared.frame import Geometry, PixelFormat
from shared.settings_schema import DeviceSettings
from tests.support.capture import FakeCapture
from tests.support.mjpeg_server import MjpegServer
from tests.support.pictures import bars_are_right, number_in, telling_jpeg, telling_picture
from tests.support.rtsp_server import RtspServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.ring.writer import RingWriter, Slot

KINDS = ("pattern", "file", "http", "rtsp", "v4l2")
CODED_BY_SLOT = {"pattern"}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(kind: str, h264_file: Path) -> Iterator[Source]:
    """A source of telling pictures, 320x240 (the pattern carries the slot's number instead)."""
    with contextlib.ExitStack() as stack:
        source: Source
        match kind:
            case "pattern":
                source = PatternSource(PatternSpec(320, 240, 30))
            case "file":
                source = FileSource(h264_file)
            case "http":
                server = stack.enter_context(MjpegServer(telling_jpeg))
                source = NetworkSource(server.url)
            case "rtsp":
                camera_server = stack.enter_context(RtspServer(h264_file))
                source = NetworkSource(camera_server.url.replace("//", "//admin:secret@"))
            case _:
                # /dev/null is a character device that everybody may open, as a camera's should be.
                camera = FakeCapture([telling_picture(number) for number in range(30)])
                source = DeviceSource(Path("/dev/null"), DeviceSettings(), make_capture=camera)
        yield source
        source.close()


def take(source: Source, writer: RingWriter) -> Slot:
    """Grab and retrieve as the capture loop does."""
    grab = source.grab()
    slot = writer.begin(grab.geometry, grab.size_bytes)
    assert source.retrieve(slot) == grab.geometry
    return slot


def grab_to_the_end(source: Source) -> None:
    """What was sent before the loss may still be shown; 90 pictures are more than that."""
    for _ in range(90):
        source.grab()


def test_pictures_land_in_the_slot_in_order_and_in_right_colors(
    source: Source, kind: str, writer: RingWriter
) -> None:
    source.open()

    for expected in range(5):
        grab = source.grab()
        slot = writer.begin(grab.geometry)
        geometry = source.retrieve(slot)
        number = slot.sequence if kind in CODED_BY_SLOT else expected
        assert number_in(slot.image) == number
        assert kind in CODED_BY_SLOT or bars_are_right(slot.image)
        assert geometry == Geometry(320, 240, PixelFormat.BGR24)
        writer.commit(slot, grab.captured_at)


def test_capture_time_is_the_moment_of_the_grab_and_rises(source: Source) -> None:
    source.open()
    before = monotonic_ns()

    first = source.grab()
    second = source.grab()

    assert before <= first.captured_at <= second.captured_at <= monotonic_ns()


@pytest.mark.parametrize("kind", ["file", "http", "rtsp", "v4l2"], indirect=True)
def test_picture_that_fits_no_slot_comes_with_the_exception(
    source: Source, writer: RingWriter
) -> None:
    """The slot is of another size than promised: what a change of size mid-stream looks like."""
    source.open()
    source.grab()

    with pytest.raises(PictureResized) as resized:
        source.retrieve(writer.begin(Geometry(64, 64, PixelFormat.BGR24)))

    assert resized.value.geometry == Geometry(320, 240, PixelFormat.BGR24)
    assert number_in(resized.value.image) == 0


def test_source_can_be_closed_at_any_time_and_more_than_once(source: Source) -> None:
    source.close()
    source.open()
    source.close()
    source.close()


def test_source_can_be_opened_again(source: Source, writer: RingWriter) -> None:
    source.open()
    take(source, writer)
    source.close()

    source.open()

    assert number_in(take(source, writer).image) is not None


def test_label_has_no_secret_and_details_say_the_size(source: Source) -> None:
    assert "secret" not in source.label

    source.open()

    assert "320x240" in source.details


@pytest.mark.parametrize("kind", ["http", "rtsp", "v4l2"])
def test_source_that_is_lost_says_who(kind: str, h264_file: Path, writer: RingWriter) -> None:
    """A looped file and the pattern go on for ever."""
    lost: Source
    with contextlib.ExitStack() as stack:
        match kind:
            case "http":
                server = stack.enter_context(MjpegServer(telling_jpeg, pictures=1))
                lost = NetworkSource(server.url)
            case "rtsp":
                camera_server = stack.enter_context(RtspServer(h264_file))
                lost = NetworkSource(camera_server.url)
            case _:
                camera = FakeCapture([telling_picture(0)])
                lost = DeviceSource(Path("/dev/null"), DeviceSettings(), make_capture=camera)
        lost.open()
        take(lost, writer)
        stack.close()
        with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1|/dev/null"):
            grab_to_the_end(lost)
        lost.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pattern", "file"], indirect=True)
def test_source_without_a_clock_of_its_own_keeps_the_pace(source: Source) -> None:
    source.open()
    source.grab()
    source.grab()
    started_s = time.monotonic()

    passed = sum(1 + source.grab().dropped for _ in range(45))  # past the end of the file

    assert time.monotonic() - started_s >= 44.5 / 30
    assert passed >= 45
