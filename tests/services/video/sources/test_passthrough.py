"""JPEGs reach the slot as the source gave them: the bytes are compared, not the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pytest

from services.video.sources.device import DeviceSource
from services.video.sources.file import FileSource
from services.video.sources.network import NetworkSource
from services.video.sources.opencv import Pictures
from services.video.sources.passthrough import pictures_of
from services.video.sources.source import PictureUnreadable
from shared.errors import SourceUnavailable
from shared.frame import Geometry, PixelFormat
from shared.jpeg import STANDARD_TABLES, read_header
from shared.settings_schema import DeviceSettings
from tests.support.capture import FakeCapture
from tests.support.mjpeg_server import MjpegServer
from tests.support.pictures import (
    number_in,
    telling_jpeg,
    telling_picture,
    without_tables,
    write_mjpeg,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.video.sources import Source
    from shared.ring.writer import RingWriter

COUNT: Final = 12
JPEGS: Final = [telling_jpeg(number) for number in range(COUNT)]
CAMERA: Final = Path("/dev/null")
"""A character device that everybody may open, as a camera's should be."""
MJPG: Final = float(int.from_bytes(b"MJPG", "little"))
MAX_PIXELS: Final = 100_000_000
YUYV: Final = float(int.from_bytes(b"YUYV", "little"))


def no_wait(_seconds: float) -> None:
    """Play as fast as it goes."""


def take(source: Source | Pictures, writer: RingWriter) -> bytes:
    """Grab and retrieve as the capture loop does; what lies in the slot then."""
    if isinstance(source, Pictures):
        assert source.grab()
        expected, size_bytes = source.geometry, source.size_bytes
    else:
        grab = source.grab()
        expected, size_bytes = grab.geometry, grab.size_bytes
    assert size_bytes is not None
    slot = writer.begin(expected, size_bytes)
    geometry = source.retrieve(slot)
    assert geometry.pixel_format is PixelFormat.JPEG
    assert geometry == expected
    return slot.payload[:size_bytes].tobytes()


def camera(*pictures: bytes | np.ndarray | None, codec: float = MJPG) -> FakeCapture:
    return FakeCapture(pictures, properties={cv2.CAP_PROP_FOURCC: codec})


@pytest.fixture(params=["avi", "mov", "mkv", "mjpeg", "http", "v4l2"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    """Every kind of source of JPEGs; the camera is a stand-in at OpenCV's seam."""
    if request.param == "v4l2":
        yield DeviceSource(CAMERA, DeviceSettings(), passthrough=True, make_capture=camera(*JPEGS))
    elif request.param == "http":
        with MjpegServer(JPEGS.__getitem__, pictures=COUNT, fps=200) as server:
            yield NetworkSource(server.url, passthrough=True)
    else:
        path = tmp_path / f"clip.{request.param}"
        write_mjpeg(path, JPEGS, fps=30)
        yield FileSource(path, passthrough=True, loop=False, wait=no_wait)


def test_every_byte_is_the_sources(source: Source, writer: RingWriter) -> None:
    source.open()
    assert [take(source, writer) for _ in range(COUNT)] == JPEGS
    assert source.details.startswith("320x240, MJPG passed through")
    source.close()


@pytest.mark.parametrize("ending", ["avi", "mjpeg"])
def test_file_that_is_looped_gives_the_same_bytes_again(
    ending: str, tmp_path: Path, writer: RingWriter
) -> None:
    path = tmp_path / f"clip.{ending}"
    write_mjpeg(path, JPEGS, fps=30)
    source = FileSource(path, passthrough=True, wait=no_wait)
    source.open()
    assert [take(source, writer) for _ in range(2 * COUNT)] == JPEGS * 2
    source.close()


def test_file_of_another_codec_is_decoded_as_ever(h264_file: Path, writer: RingWriter) -> None:
    source = FileSource(h264_file, passthrough=True, wait=no_wait)
    source.open()
    grab = source.grab()
    slot = writer.begin(grab.geometry, grab.size_bytes)
    assert source.retrieve(slot) == Geometry(320, 240, PixelFormat.BGR24)
    assert number_in(slot.image) == 0
    source.close()


def test_camera_that_gives_pixels_is_asked_for_pixels(writer: RingWriter) -> None:
    """It was wished for MJPG, and gives something else."""
    give = camera(telling_picture(3), codec=YUYV)
    wishes = DeviceSettings(pixel_format="MJPG")
    source = DeviceSource(CAMERA, wishes, passthrough=True, make_capture=give)
    source.open()
    grab = source.grab()
    slot = writer.begin(grab.geometry, grab.size_bytes)
    source.retrieve(slot)
    assert number_in(slot.image) == 3


def test_opencv_that_hands_out_no_packets_decodes(caplog: pytest.LogCaptureFixture) -> None:
    properties = {cv2.CAP_PROP_FOURCC: MJPG, cv2.CAP_PROP_FORMAT: 16.0}
    capture = FakeCapture(JPEGS, properties=properties)  # fixed: it cannot be set

    assert (
        type(pictures_of(capture, cv2.CAP_FFMPEG, passthrough=True, max_pixels=MAX_PIXELS))
        is Pictures
    )
    assert "it is decoded" in caplog.text


def test_without_passthrough_jpegs_are_decoded(writer: RingWriter) -> None:
    pictures = pictures_of(camera(*JPEGS), cv2.CAP_V4L2, passthrough=False, max_pixels=MAX_PIXELS)
    assert pictures.grab()
    slot = writer.begin(pictures.geometry)
    pictures.retrieve(slot)
    assert number_in(slot.image) == 0
    assert pictures.size_bytes is None


def opened(*jpegs: bytes | None) -> Pictures:
    properties = {
        cv2.CAP_PROP_FOURCC: MJPG,
        cv2.CAP_PROP_FRAME_WIDTH: 320.0,
        cv2.CAP_PROP_FRAME_HEIGHT: 240.0,
    }
    return pictures_of(
        FakeCapture(jpegs, properties=properties),
        cv2.CAP_V4L2,
        passthrough=True,
        max_pixels=MAX_PIXELS,
    )


def test_tables_that_the_camera_leaves_out_are_put_in_once(writer: RingWriter) -> None:
    bare = without_tables(JPEGS[5])
    mended = take(opened(bare), writer)

    assert len(mended) == len(bare) + len(STANDARD_TABLES)
    assert mended.replace(STANDARD_TABLES, b"", 1) == bare
    assert read_header(mended).tables_at is None
    image = cv2.imdecode(np.frombuffer(mended, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert number_in(np.asarray(image, np.uint8)) == 5


@pytest.mark.parametrize("tables", [True, False])
def test_padding_stays_behind(tables: bool, writer: RingWriter) -> None:  # noqa: FBT001
    jpeg = JPEGS[0] if tables else without_tables(JPEGS[0])
    taken = take(opened(jpeg + b"\0" * 1000), writer)
    assert taken == take(opened(jpeg), writer)
    assert taken.endswith(b"\xff\xd9")


@pytest.mark.parametrize(
    ("damaged", "complaint"),
    [
        (JPEGS[1][:-300], "cut off"),
        (b"hello", "not a JPEG"),
        (b"", "not a JPEG"),
        (None, "no picture"),
    ],
)
def test_damaged_picture_is_told_and_the_next_one_shown(
    damaged: bytes | None, complaint: str, writer: RingWriter
) -> None:
    source = opened(JPEGS[0], damaged, JPEGS[2])
    assert take(source, writer) == JPEGS[0]
    with pytest.raises(PictureUnreadable, match=complaint):
        take(source, writer)
    assert take(source, writer) == JPEGS[2]


def test_damaged_first_picture_makes_room_for_a_good_one(writer: RingWriter) -> None:
    """The first pictures of USB cameras are often damaged; the ring is not to be made twice."""
    source = opened(b"hello", JPEGS[0])
    with pytest.raises(PictureUnreadable):
        take(source, writer)
    epoch = writer.begin(Geometry(8, 8, PixelFormat.JPEG), 1).epoch
    take(source, writer)
    assert writer.begin(Geometry(8, 8, PixelFormat.JPEG), 1).epoch == epoch


def test_picture_of_another_size_says_so_itself(writer: RingWriter) -> None:
    done, data = cv2.imencode(".jpg", telling_picture(1, 160, 96))
    assert done
    source = opened(JPEGS[0], bytes(data), JPEGS[1])
    sizes = []
    for _ in range(3):
        take(source, writer)
        sizes.append((source.geometry.width, source.geometry.height))
    assert sizes == [(320, 240), (160, 96), (320, 240)]


@pytest.mark.parametrize(("width", "height"), [(65535, 65535), (65535, 8)])
def test_size_that_cannot_be_true_is_not_believed(
    width: int, height: int, writer: RingWriter
) -> None:
    """Whoever decodes it, or draws a blank as large, would take gigabytes."""
    at = JPEGS[0].index(b"\xff\xc0")
    claim = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    immense = JPEGS[0][: at + 5] + claim + JPEGS[0][at + 9 :]
    with pytest.raises(PictureUnreadable, match=f"{width}x{height} (pixels, more|is too large)"):
        take(opened(immense), writer)


def test_interlaced_file_is_refused_with_a_word_on_what_to_do(writer: RingWriter) -> None:
    """Each packet holds two JPEGs of half the rows: a browser would show the first."""
    done, field = cv2.imencode(".jpg", telling_picture(1, 320, 120))
    assert done
    source = opened(bytes(field) * 2, bytes(field) * 2)
    for _ in range(2):
        with pytest.raises(PictureUnreadable, match=r"only video\.passthrough=false"):
            take(source, writer)


def test_picture_half_as_wide_and_high_as_the_file_claims_is_no_field(writer: RingWriter) -> None:
    """Recorders write one size into the file's header and another one into the pictures."""
    done, small = cv2.imencode(".jpg", telling_picture(1, 160, 120))
    assert done
    assert take(opened(bytes(small)), writer) == bytes(small)


def test_error_inside_opencv_makes_the_picture_unreadable(writer: RingWriter) -> None:
    class Broken(FakeCapture):
        def retrieve(self, image: object = None, flag: int = 0) -> tuple[bool, object]:
            del image, flag
            raise cv2.error("no such packet")

    broken = Broken(JPEGS, properties={cv2.CAP_PROP_FOURCC: MJPG})
    with pytest.raises(PictureUnreadable):
        take(pictures_of(broken, cv2.CAP_V4L2, passthrough=True, max_pixels=MAX_PIXELS), writer)


def test_nothing_was_grabbed_yet(writer: RingWriter) -> None:
    with pytest.raises(PictureUnreadable, match="no picture was grabbed"):
        opened(JPEGS[0]).retrieve(writer.begin(Geometry(320, 240, PixelFormat.JPEG), 100))


def test_stream_without_lengths_or_tables_is_passed_through_too(writer: RingWriter) -> None:
    """FFmpeg looks for the next boundary then, so the last picture is never complete."""
    bare = [without_tables(jpeg) for jpeg in JPEGS]
    with MjpegServer(bare.__getitem__, pictures=COUNT, fps=200) as server:
        source = NetworkSource(server.url + "?lengths=no", passthrough=True)
        source.open()
        taken = [take(source, writer) for _ in range(COUNT - 1)]
        source.close()
    assert [jpeg.replace(STANDARD_TABLES, b"", 1) for jpeg in taken] == bare[:-1]


def test_part_that_is_no_jpeg_is_dropped_and_the_stream_goes_on(writer: RingWriter) -> None:
    parts = [*JPEGS[:3], b"hello", *JPEGS[4:]]
    with MjpegServer(parts.__getitem__, pictures=COUNT, fps=200) as server:
        source = NetworkSource(server.url, passthrough=True)
        source.open()
        for number in range(COUNT):
            if number == 3:
                with pytest.raises(PictureUnreadable, match="not a JPEG"):
                    take(source, writer)
            else:
                assert take(source, writer) == JPEGS[number]
        with pytest.raises(SourceUnavailable):
            source.grab()
        source.close()
