"""Files play at their own pace and tell what is wrong with them."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest

from services.video.sources.file import FileSource
from shared.errors import SourceEnded, SourceUnavailable
from tests.support.capture import FakeCapture
from tests.support.pictures import number_in, telling_picture

if TYPE_CHECKING:
    from shared.ring.writer import RingWriter


def numbers(source: FileSource, writer: RingWriter, count: int) -> list[int | None]:
    """Grab and retrieve ``count`` pictures; their numbers."""
    seen = []
    for _ in range(count):
        grab = source.grab()
        slot = writer.begin(grab.geometry)
        source.retrieve(slot)
        seen.append(number_in(slot.image))
    return seen


def no_wait(_seconds: float) -> None:
    """Play as fast as it goes."""


@pytest.mark.slow
def test_file_loops_without_losing_or_doubling_a_picture(
    h264_file: Path, writer: RingWriter
) -> None:
    source = FileSource(h264_file)
    source.open()
    expected = 0
    for _ in range(70):
        grab = source.grab()
        slot = writer.begin(grab.geometry)
        source.retrieve(slot)
        expected += grab.dropped
        assert number_in(slot.image) == expected % 30
        expected += 1
    source.close()


def test_loop_makes_no_gap(h264_file: Path) -> None:
    waits: list[float] = []
    source = FileSource(h264_file, wait=waits.append)
    source.open()
    for _ in range(62):
        source.grab()
    source.close()

    # Never waited for, so it grows by the period less the work, also from the end to the start.
    steps = [after - before for before, after in itertools.pairwise(waits)]
    assert max(steps) < 1 / 30 + 0.01


def test_file_that_is_not_looped_ends(h264_file: Path, writer: RingWriter) -> None:
    source = FileSource(h264_file, loop=False, wait=no_wait)
    source.open()

    assert numbers(source, writer, 30) == list(range(30))
    with pytest.raises(SourceEnded, match="is through"):
        source.grab()
    source.close()


def test_file_that_was_replaced_is_noticed_at_the_next_round(
    h264_file: Path, tmp_path: Path, writer: RingWriter
) -> None:
    path = tmp_path / "clip.mp4"
    shutil.copy(h264_file, path)
    source = FileSource(path, wait=no_wait)
    source.open()
    numbers(source, writer, 3)
    path.unlink()

    with pytest.raises(SourceUnavailable, match="there is no file"):
        numbers(source, writer, 30)
    source.close()


@pytest.mark.parametrize("name", ["10:30.mp4", " clip.mp4 ", "http:clip.mp4"])
def test_odd_name_beside_the_working_directory_is_a_file_all_the_same(
    h264_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shutil.copy(h264_file, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    source = FileSource(Path(name), wait=no_wait)

    source.open()

    source.grab()
    source.close()


def test_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"there is no file .*missing\.mp4; is its folder"):
        FileSource(tmp_path / "missing.mp4").open()


def test_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="is not a file"):
        FileSource(tmp_path).open()


def test_file_that_may_not_be_read_says_who_tried(
    h264_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked of the kernel through ``os.access``, which root always passes; so the answer is set."""
    monkeypatch.setattr(os, "access", lambda *_args: False)

    with pytest.raises(SourceUnavailable, match=f"may not be read by user {os.getuid()}"):
        FileSource(h264_file).open()


@pytest.mark.parametrize("content", [b"", b"no video, just text\n" * 100, b"\0" * 5000])
def test_file_that_is_no_video_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.mp4"
    path.write_bytes(content)

    with pytest.raises(SourceUnavailable, match="is not a video that FFmpeg can read"):
        FileSource(path).open()


def test_video_without_a_picture_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    source = FileSource(path, make_capture=FakeCapture([]))
    source.open()

    with pytest.raises(SourceUnavailable, match="holds no picture"):
        source.grab()


def test_file_without_timestamps_is_paced_by_its_rate(tmp_path: Path) -> None:
    path = tmp_path / "raw.h264"
    path.touch()
    waits: list[float] = []
    capture = FakeCapture(
        [telling_picture(number) for number in range(5)], properties={cv2.CAP_PROP_FPS: 10.0}
    )
    source = FileSource(path, loop=False, wait=waits.append, make_capture=capture)
    source.open()
    for _ in range(5):
        source.grab()

    assert waits[-1] == pytest.approx(0.4, abs=0.05)


def test_machine_that_is_too_slow_leaves_out_every_other_picture_at_most(
    h264_file: Path, writer: RingWriter
) -> None:
    source = FileSource(h264_file)
    source.open()
    seen: list[int | None] = []
    for _ in range(6):
        seen += numbers(source, writer, 1)
        give_up_s = time.monotonic() + 0.08
        while time.monotonic() < give_up_s:
            continue  # 2.4 periods of work for each picture
    source.close()

    numbers_seen = [number for number in seen if number is not None]
    steps = [after - before for before, after in itertools.pairwise(numbers_seen)]
    assert len(numbers_seen) == 6
    assert set(steps) <= {1, 2}
    assert steps.count(2) >= 3
