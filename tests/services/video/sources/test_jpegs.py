"""JPEGs are looked at before they are decoded: the damaged and the immense never are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pytest

from services.video.sources.file import FileSource
from services.video.sources.jpegs import DecodedJpegs, hands_out_undecoded
from services.video.sources.source import PictureResized, PictureUnreadable
from shared.frame import Geometry, PixelFormat
from tests.support.capture import FakeCapture
from tests.support.pictures import (
    bars_are_right,
    claiming,
    number_in,
    telling_jpeg,
    telling_picture,
    without_tables,
    write_mjpeg,
)

if TYPE_CHECKING:
    from pathlib import Path

    from shared.ring.writer import RingWriter

MAX_PIXELS: Final = 100_000_000


def opened(*jpegs: bytes | None, height: float = 240.0) -> DecodedJpegs:
    properties = {cv2.CAP_PROP_FRAME_WIDTH: 320.0, cv2.CAP_PROP_FRAME_HEIGHT: height}
    capture = FakeCapture(jpegs, properties=properties)
    assert hands_out_undecoded(capture, cv2.CAP_V4L2)
    return DecodedJpegs(capture, MAX_PIXELS)


def take(pictures: DecodedJpegs, writer: RingWriter) -> np.ndarray:
    assert pictures.grab()
    slot = writer.begin(pictures.geometry)
    assert pictures.retrieve(slot) == slot.geometry
    return slot.image.copy()


@pytest.mark.parametrize("tables", [True, False])
def test_picture_is_decoded_into_the_slot(tables: bool, writer: RingWriter) -> None:  # noqa: FBT001
    jpegs = [telling_jpeg(number) for number in range(3)]
    pictures = opened(*(jpegs if tables else map(without_tables, jpegs)))
    for number in range(3):
        image = take(pictures, writer)
        assert number_in(image) == number
        assert bars_are_right(image)
    assert not pictures.grab()
    assert pictures.size_bytes is None


def test_damaged_picture_is_told_and_the_next_one_shown(writer: RingWriter) -> None:
    whole = telling_jpeg(7)
    for damaged in (b"hello", whole[:-900], whole[:300], b"", None):
        pictures = opened(damaged, whole)
        with pytest.raises(PictureUnreadable):
            take(pictures, writer)
        assert number_in(take(pictures, writer)) == 7


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (10_001, 10_000), (65_535, 8)])
def test_immense_picture_is_never_decoded(
    width: int, height: int, writer: RingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = opened(claiming(telling_jpeg(1), width, height))
    monkeypatch.delattr(cv2, "imdecode")
    with pytest.raises(PictureUnreadable, match=f"{width}x{height}"):
        take(pictures, writer)


def test_limit_is_named(writer: RingWriter) -> None:
    pictures = opened(claiming(telling_jpeg(1), 30_000, 30_000))
    limit = r"claims 30000x30000 pixels, more than video\.max_pixels \(100000000\)"
    with pytest.raises(PictureUnreadable, match=limit):
        take(pictures, writer)


def test_picture_of_another_size_than_the_slot_comes_with_the_exception(
    writer: RingWriter,
) -> None:
    pictures = opened(telling_jpeg(4))
    assert pictures.grab()
    with pytest.raises(PictureResized) as resized:
        pictures.retrieve(writer.begin(Geometry(64, 64, PixelFormat.BGR24)))
    assert number_in(resized.value.image) == 4


def test_rows_of_interlaced_video_are_put_together(writer: RingWriter) -> None:
    picture = telling_picture(5)
    picture[100:140:2], picture[101:140:2] = 255, 0
    fields = b"".join(bytes(cv2.imencode(".jpg", picture[start::2])[1]) for start in (0, 1))
    image = take(opened(fields, height=240.0), writer)
    assert np.abs(image.astype(int) - picture).mean() < 6
    assert number_in(image) == 5

    lonely = opened(bytes(cv2.imencode(".jpg", picture[::2])[1]))
    with pytest.raises(PictureUnreadable, match="half of its rows"):
        take(lonely, writer)
    unequal = opened(fields[: fields.rindex(b"\xff\xd8\xff")] + telling_jpeg(1))
    with pytest.raises(PictureUnreadable, match="halves"):
        take(unequal, writer)


def test_file_is_decoded_with_its_colors(tmp_path: Path, writer: RingWriter) -> None:
    path = tmp_path / "clip.avi"
    write_mjpeg(path, [telling_jpeg(number) for number in range(5)], fps=30)
    source = FileSource(path, loop=False, wait=lambda _: None)
    source.open()
    for number in range(5):
        slot = writer.begin(source.grab().geometry)
        assert source.retrieve(slot) == Geometry(320, 240, PixelFormat.BGR24)
        assert number_in(slot.image) == number
        assert bars_are_right(slot.image)
    source.close()


def test_error_inside_opencv_makes_the_picture_unreadable(
    writer: RingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise cv2.error("no memory")

    pictures = opened(telling_jpeg(1))
    monkeypatch.setattr(cv2, "imdecode", refuse)
    with pytest.raises(PictureUnreadable, match="OpenCV"):
        take(pictures, writer)


def test_no_room_is_made_for_an_immense_size_that_is_announced() -> None:
    """The slot of a damaged first picture would be as large, and the ring eight times that."""
    properties = {cv2.CAP_PROP_FRAME_WIDTH: 12_000.0, cv2.CAP_PROP_FRAME_HEIGHT: 12_000.0}
    pictures = DecodedJpegs(FakeCapture([], properties=properties), MAX_PIXELS)
    assert pictures.geometry == Geometry(1, 1, PixelFormat.BGR24)
    assert pictures.details.startswith("12000x12000, ")
