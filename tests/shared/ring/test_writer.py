"""RingWriter: numbers, stamps, epochs, and what it does when somebody meddles with its files."""

from __future__ import annotations

import logging
import os
import time
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from shared.errors import RingUnavailable, WriterConflict
from shared.frame import Epoch, Geometry, MonotonicNs, PixelFormat, Sequence
from shared.naming import segment_paths
from shared.ring import writer as writer_module
from shared.ring.layout import State, Word
from shared.ring.reader import RingReader
from shared.ring.writer import RingWriter
from tests.shared.conftest import TINY
from tests.support.frames import draw_telling, is_telling, number_told, telling_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths

AT = MonotonicNs(123)
LARGER = Geometry(96, 64, PixelFormat.BGR24)
JPEG = Geometry(48, 32, PixelFormat.JPEG)


def write_one(writer: RingWriter, geometry: Geometry = TINY) -> FrameInfo:
    slot = writer.begin(geometry)
    draw_telling(slot.image, slot.sequence)
    return writer.commit(slot, AT)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the files' names at every heartbeat, not once a second."""
    monkeypatch.setattr(writer_module, "_NAMES_CHECK_NS", 0)


def test_frames_are_numbered_from_1_and_read_back_whole(writer: RingWriter) -> None:
    infos = [write_one(writer) for _ in range(6)]
    assert [info.sequence for info in infos] == [1, 2, 3, 4, 5, 6]

    reader = RingReader.open(writer.paths)
    assert reader.head == 6
    for info in infos[-3:]:
        with reader.view(info.sequence) as view:
            assert view.info == info
            assert is_telling(view.image, info.sequence)
            assert number_told(view.image) == info.sequence
    reader.close()


def test_a_frame_carries_all_its_information(writer: RingWriter) -> None:
    before = time.monotonic_ns()
    slot = writer.begin(TINY)
    info = writer.commit(slot, AT, online=False, reason="camera unplugged")
    assert before <= info.published_at <= time.monotonic_ns()
    assert info.captured_at == AT
    assert (info.online, info.reason) == (False, "camera unplugged")
    assert (info.geometry, info.size_bytes, info.epoch) == (TINY, 48 * 32 * 3, slot.epoch)


@pytest.mark.parametrize("pixel_format", [each for each in PixelFormat if each.channels])
def test_every_raw_format_is_drawn_in_place_and_read_back(
    writer: RingWriter, pixel_format: PixelFormat
) -> None:
    info = write_one(writer, Geometry(47, 31, pixel_format))
    reader = RingReader.open(writer.paths)
    with reader.view(info.sequence) as view:
        assert view.image.shape == info.geometry.shape
        assert is_telling(view.image, 1)
    reader.close()


def test_a_jpeg_has_the_length_it_is_committed_with(writer: RingWriter) -> None:
    slot = writer.begin(JPEG, size_bytes=5000)
    slot.payload[:4] = np.frombuffer(b"\xff\xd8\xff\xd9", np.uint8)
    writer.commit(slot, AT, size_bytes=4)
    reader = RingReader.open(writer.paths)
    with reader.view(Sequence(1)) as view:
        assert view.payload.tobytes() == view.image.tobytes() == b"\xff\xd8\xff\xd9"
    reader.close()


def test_a_jpeg_slot_has_no_image(writer: RingWriter) -> None:
    with pytest.raises(ValueError, match="a JPEG slot has no image"):
        _ = writer.begin(JPEG, size_bytes=10).image


@pytest.mark.parametrize(
    ("geometry", "size_bytes"),
    [
        (Geometry(0, 1, PixelFormat.BGR24), None),
        (Geometry(1, 65536, PixelFormat.BGR24), None),
        (JPEG, None),
        (JPEG, -1),
    ],
)
def test_a_frame_of_no_or_too_great_size_is_refused_and_nothing_is_made(
    writer: RingWriter, geometry: Geometry, size_bytes: int | None
) -> None:
    with pytest.raises(ValueError, match="width and height must be 1 to 65535, size at least 1"):
        writer.begin(geometry, size_bytes)
    assert not writer.paths.ring.exists()


def test_the_room_of_a_raw_frame_is_never_less_than_its_size(writer: RingWriter) -> None:
    slot = writer.begin(LARGER, size_bytes=1)
    assert slot.image.shape == LARGER.shape


def test_a_writer_that_is_not_open_writes_nothing(paths: SegmentPaths) -> None:
    writer = RingWriter(paths)
    with pytest.raises(RuntimeError, match="is not open"):
        writer.begin(TINY)
    writer.heartbeat()
    with writer:
        write_one(writer)
    with pytest.raises(RuntimeError, match="is not open"):
        writer.begin(TINY)
    assert not paths.ring.exists()


def test_a_writer_can_be_opened_again_and_counts_on(paths: SegmentPaths) -> None:
    writer = RingWriter(paths)
    with writer:
        write_one(writer)
    with writer:
        assert write_one(writer).sequence == 2


def test_beginning_again_without_a_commit_gives_the_same_number(writer: RingWriter) -> None:
    first = writer.begin(TINY)
    again = writer.begin(TINY)
    assert first.sequence == again.sequence == 1
    assert writer.commit(again, AT).sequence == 1


def test_only_the_slot_begun_last_can_be_committed(writer: RingWriter) -> None:
    slot = writer.begin(TINY)
    writer.commit(slot, AT)
    with pytest.raises(ValueError, match="not the one begun last"):
        writer.commit(slot, AT)
    stale = writer.begin(TINY)
    writer.begin(LARGER)
    with pytest.raises(ValueError, match="not the one begun last"):
        writer.commit(stale, AT)


def test_a_slot_of_a_closed_writer_cannot_be_committed(paths: SegmentPaths) -> None:
    writer = RingWriter(paths)
    with writer:
        slot = writer.begin(TINY)
    with pytest.raises(ValueError, match="not the one begun last"):
        writer.commit(slot, AT)


def test_the_true_geometry_of_a_frame_may_be_smaller(writer: RingWriter) -> None:
    slot = writer.begin(LARGER)
    draw_telling(slot.payload[: TINY.size_bytes].reshape(TINY.shape), 1)
    info = writer.commit(slot, AT, geometry=TINY)
    assert (info.geometry, info.size_bytes) == (TINY, TINY.size_bytes)


@pytest.mark.parametrize(
    ("geometry", "size_bytes", "sentence"),
    [
        (Geometry(4096, 4096, PixelFormat.BGR24), None, "does not fit into a slot of"),
        (JPEG, 10**9, "does not fit into a slot of"),
        (JPEG, None, "size at least 1"),
        (Geometry(0, 32, PixelFormat.JPEG), 10, "width and height must be"),
    ],
)
def test_a_frame_that_readers_would_refuse_cannot_be_committed(
    writer: RingWriter, geometry: Geometry, size_bytes: int | None, sentence: str
) -> None:
    slot = writer.begin(TINY)
    with pytest.raises(ValueError, match=sentence):
        writer.commit(slot, AT, geometry=geometry, size_bytes=size_bytes)


def test_a_second_writer_is_refused_and_the_first_untouched(writer: RingWriter) -> None:
    write_one(writer)
    inode = writer.paths.ring.stat().st_ino
    with pytest.raises(WriterConflict), RingWriter(writer.paths):
        pytest.fail("two writers")
    assert writer.paths.ring.stat().st_ino == inode
    assert write_one(writer).sequence == 2
    RingReader.open(writer.paths).close()


def test_closing_ends_the_epoch_and_removes_the_segment(paths: SegmentPaths) -> None:
    with RingWriter(paths) as writer:
        write_one(writer)
        reader = RingReader.open(paths)
    assert reader.state == State.CLOSED
    assert not reader.writer_lives()
    assert not reader.has_name()
    reader.close()
    writer.close()


def test_dropped_frames_are_told_also_across_segments(writer: RingWriter) -> None:
    writer.count_dropped(2)
    write_one(writer)
    writer.count_dropped()
    write_one(writer, LARGER)
    reader = RingReader.open(writer.paths)
    assert reader.dropped == 3
    reader.close()


def test_the_heartbeat_changes(writer: RingWriter) -> None:
    write_one(writer)
    reader = RingReader.open(writer.paths)
    before = reader.heartbeat
    writer.heartbeat()
    assert reader.heartbeat != before
    reader.close()


@pytest.mark.usefixtures("hurried")
def test_a_removed_segment_is_made_anew(
    writer: RingWriter, caplog: pytest.LogCaptureFixture
) -> None:
    write_one(writer)
    old = RingReader.open(writer.paths)
    writer.paths.ring.unlink()
    writer.heartbeat()
    assert "was removed or replaced" in caplog.text
    assert old.state == State.RETIRED
    new = RingReader.open(writer.paths)
    assert write_one(writer).sequence == new.head == 2
    old.close()
    new.close()


def test_names_are_looked_at_once_a_second(writer: RingWriter) -> None:
    write_one(writer)
    writer.paths.ring.unlink()
    writer.heartbeat()
    assert not writer.paths.ring.exists()


@pytest.mark.usefixtures("hurried")
def test_everything_removed_from_the_directory_is_made_anew(writer: RingWriter) -> None:
    """``rm /dev/shm/*``: without the lock file no new reader could see that the writer lives."""
    write_one(writer)
    writer.paths.ring.unlink()
    writer.paths.lock.unlink()
    with pytest.raises(RingUnavailable):
        RingReader.open(writer.paths)
    writer.heartbeat()
    reader = RingReader.open(writer.paths)
    assert reader.writer_lives()
    reader.close()
    with pytest.raises(WriterConflict):
        RingWriter(writer.paths).open()


@pytest.mark.usefixtures("hurried")
def test_a_writer_whose_lock_was_removed_and_taken_ends_and_leaves_the_other_alone(
    paths: SegmentPaths,
) -> None:
    with RingWriter(paths) as first:
        write_one(first)
        paths.lock.unlink()
        with RingWriter(paths) as second:
            write_one(second)
            with pytest.raises(WriterConflict):
                first.heartbeat()
            first.close()
            reader = RingReader.open(paths)
            assert reader.epoch == write_one(second).epoch
            reader.close()


@pytest.mark.usefixtures("hurried")
def test_no_segment_is_made_anew_between_begin_and_commit(writer: RingWriter) -> None:
    """The slot would be of a segment that is no more, and the commit an error."""
    slot = writer.begin(TINY)
    writer.paths.ring.unlink()
    writer.heartbeat()
    assert writer.commit(slot, AT).sequence == 1
    assert writer.paths.ring.exists()


@pytest.mark.usefixtures("hurried")
def test_a_removed_segment_stays_in_use_while_there_is_no_room_for_another(
    writer: RingWriter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_one(writer)
    reader = RingReader.open(writer.paths)
    writer.paths.ring.unlink()
    with monkeypatch.context() as full:
        full.setattr("shared.ring.segment.free_bytes", lambda _directory: 0)
        assert write_one(writer).sequence == 2
    assert reader.live
    assert reader.head == 2
    assert "not enough shared memory" in caplog.text
    writer.heartbeat()
    assert reader.state == State.RETIRED
    reader.close()


def test_left_overs_of_a_killed_writer_are_cleared_away(paths: SegmentPaths) -> None:
    paths.temporary().write_bytes(b"half")
    paths.ring.write_bytes(b"whole")
    with RingWriter(paths):
        assert [path.name for path in paths.directory.iterdir()] == [paths.lock.name]


def test_other_cameras_files_are_left_alone(directory: Path) -> None:
    """Even of a camera that is called like one of our temporary files."""
    camera = segment_paths("a", directory)
    other = segment_paths("a.ring.tmp.x", directory)
    with RingWriter(other) as neighbour:
        write_one(neighbour)
        with RingWriter(camera) as writer:
            write_one(writer)
        RingReader.open(other).close()


def test_left_overs_that_cannot_be_removed_are_reported_and_the_lock_is_free(
    paths: SegmentPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a sticky directory another user's file stays; root is above that, so it is played."""
    paths.ring.touch()

    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as sticky:
        sticky.setattr("pathlib.Path.unlink", refuse)
        with pytest.raises(
            RingUnavailable, match="cannot be removed: Operation not permitted; it belongs to user"
        ) as caught:
            RingWriter(paths).open()
        assert "stop it and remove the file" in str(caught.value)
    with RingWriter(paths) as writer:
        write_one(writer)


@pytest.mark.parametrize(("kind", "warnings"), [("ext4", 1), ("tmpfs", 0), ("", 0)])
def test_a_directory_that_is_not_in_memory_is_warned_about_once(
    paths: SegmentPaths,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    warnings: int,
) -> None:
    monkeypatch.setattr(writer_module, "filesystem_of", lambda _directory: kind)
    with RingWriter(paths) as writer:
        write_one(writer)
        write_one(writer, LARGER)
    assert caplog.text.count("is on a file system of kind ext4") == warnings
    assert len([each for each in caplog.records if each.levelno >= logging.WARNING]) == warnings


def test_the_lock_is_free_after_close_even_if_the_segment_cannot_be_removed(
    paths: SegmentPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RingWriter(paths)
    writer.open()
    write_one(writer)
    with monkeypatch.context() as failing:
        failing.setattr("shared.ring.epochs.unlink_segment", lambda *_args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            writer.close()
    with RingWriter(paths) as second:
        write_one(second)


def test_making_and_closing_leaks_no_descriptor(paths: SegmentPaths) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counting is all
    for _ in range(20):
        live_and_die(paths)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def live_and_die(paths: SegmentPaths) -> None:
    with RingWriter(paths) as writer:
        write_one(writer)
        write_one(writer, LARGER)
        RingReader.open(paths).close()


def test_a_label_that_is_no_utf8_does_not_stop_the_writer(paths: SegmentPaths) -> None:
    with RingWriter(paths, label="/film-\udcff.mp4") as writer:
        slot = writer.begin(TINY)
        writer.commit(slot, AT, online=False, reason="\udcff")
        reader = RingReader.open(paths)
        assert reader.label == "/film-?.mp4"
        with reader.view(Sequence(1)) as view:
            assert view.info.reason == "?"
        reader.close()


def test_a_frame_made_from_another_names_its_origin(writer: RingWriter) -> None:
    own = writer.commit(writer.begin(TINY), MonotonicNs(1))
    made = writer.commit(writer.begin(TINY), MonotonicNs(1), origin=(Epoch(8), Sequence(9)))

    assert (own.origin_epoch, own.origin_sequence) == (own.epoch, own.sequence)
    assert (made.origin_epoch, made.origin_sequence) == (8, 9)
    reader = RingReader.open(writer.paths)
    with reader.view(made.sequence) as view:
        assert view.info == made
    reader.close()


def cut(paths: SegmentPaths) -> None:
    os.truncate(paths.ring, 0)


def halve(paths: SegmentPaths) -> None:
    os.truncate(paths.ring, paths.ring.stat().st_size // 2)


def extend(paths: SegmentPaths) -> None:
    os.truncate(paths.ring, paths.ring.stat().st_size * 2)


def empty_and_extend(paths: SegmentPaths) -> None:
    size = paths.ring.stat().st_size
    os.truncate(paths.ring, 0)
    os.truncate(paths.ring, size)


def scribble(offset: int, value: bytes) -> Callable[[SegmentPaths], None]:
    def write(paths: SegmentPaths) -> None:
        with paths.ring.open("r+b") as file:
            file.seek(offset)
            file.write(value)

    return write


damages = pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        pytest.param(cut, "cut or extended from 40960 to 0 bytes", id="cut"),
        pytest.param(halve, "cut or extended from 40960 to 20480", id="half"),
        pytest.param(extend, "cut or extended from 40960 to 81920", id="extended"),
        pytest.param(empty_and_extend, "header that was overwritten", id="sparse"),
        pytest.param(scribble(0, bytes(4096)), "header that was overwritten", id="zeros"),
        pytest.param(scribble(100, b"!"), "header that was overwritten", id="label"),
        pytest.param(scribble(Word.STATE * 8, b"\2"), "says that it is in state 2", id="retired"),
        pytest.param(scribble(Word.STATE * 8, b"\x4d"), "in state 77 at frame 1", id="state"),
        pytest.param(scribble(Word.HEAD * 8, b"\x4d"), "at frame 77, and is", id="head"),
    ],
)


@damages
@pytest.mark.parametrize("moment", ["between frames", "in a frame", "while it is silent"])
def test_a_segment_that_somebody_damages_is_replaced(
    writer: RingWriter,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[SegmentPaths], None],
    sentence: str,
    moment: str,
) -> None:
    first = write_one(writer)
    old = RingReader.open(writer.paths)
    slot = writer.begin(TINY) if moment == "in a frame" else None
    damage(writer.paths)
    if slot is not None:  # nobody draws into what may not be there any more
        lost = writer.commit(slot, AT)
        assert lost.sequence == 2
    elif moment == "while it is silent":
        writer.heartbeat()
        assert not writer.paths.ring.exists()
    info = write_one(writer)
    assert (info.sequence, info.epoch != first.epoch) == (2, True)
    assert not old.live
    old.close()
    reader = RingReader.open(writer.paths)
    assert reader.head == 2
    assert reader.dropped == (1 if moment == "in a frame" else 0)
    with reader.view(Sequence(2)) as view:
        assert is_telling(view.image, 2)
    reader.close()
    assert sentence in caplog.text
    assert caplog.text.count("somebody else writes to it") == 1


def test_a_damaged_segment_is_not_touched_when_it_ends(writer: RingWriter) -> None:
    write_one(writer)
    cut(writer.paths)
    writer.count_dropped()
    writer.close()
    assert not writer.paths.ring.exists()


def test_a_segment_that_another_writer_retired_is_no_damage_but_a_conflict(
    writer: RingWriter, paths: SegmentPaths
) -> None:
    """Somebody removed the lock, and another process took it: it must not be retired in turn."""
    write_one(writer)
    paths.lock.unlink()
    with RingWriter(paths) as other:
        write_one(other)
        with pytest.raises(WriterConflict):
            writer.begin(TINY)
        assert RingReader.open(paths).live


def test_checksums_are_those_of_the_payload(paths: SegmentPaths) -> None:
    with RingWriter(paths, checksums=True) as writer:
        raw = write_one(writer)
        slot = writer.begin(JPEG, size_bytes=100)
        slot.payload[:100] = 7
        jpeg = writer.commit(slot, AT, size_bytes=90)
    assert raw.checksum == zlib.crc32(telling_image((32, 48, 3), 1).data)
    assert jpeg.checksum == zlib.crc32(bytes([7]) * 90)


def test_without_checksums_none_are_stored(writer: RingWriter) -> None:
    assert write_one(writer).checksum is None


def test_frames_of_an_origin_keep_its_time_and_hops(writer: RingWriter) -> None:
    writer.route(("gate", "hall"))
    slot = writer.begin(TINY)
    origin = Epoch(99), Sequence(1000)
    info = writer.commit(slot, AT, origin=origin, origin_wall_us=1_700_000_000_123_456)

    reader = RingReader.open(writer.paths)
    assert reader.hops == ("gate", "hall")
    assert reader.info(info.sequence) == info
    assert (info.origin, info.origin_wall_us) == (origin, 1_700_000_000_123_456)
    assert info.hops == ("gate", "hall")
    reader.close()


def test_a_frame_of_our_own_has_the_time_of_our_clock(writer: RingWriter) -> None:
    slot = writer.begin(TINY)
    before_us = time.time_ns() // 1000
    info = writer.commit(slot, MonotonicNs(time.monotonic_ns()))
    assert before_us - 1000 <= info.origin_wall_us <= time.time_ns() // 1000 + 1000
    assert info.origin == (info.epoch, info.sequence)


def test_other_hops_make_a_new_segment_as_large_and_the_numbers_go_on(writer: RingWriter) -> None:
    first = write_one(writer, LARGER)
    reader = RingReader.open(writer.paths)
    total_bytes = reader.total_bytes
    writer.route(("gate", "hall"))
    second = write_one(writer)

    assert not reader.live, "readers are told"
    reader.close()
    assert (second.sequence, second.epoch == first.epoch) == (2, False)
    after = RingReader.open(writer.paths)
    assert (after.hops, after.total_bytes) == (("gate", "hall"), total_bytes)
    after.close()
    writer.route(("gate", "hall"))
    assert write_one(writer).epoch == second.epoch


def test_what_is_told_of_the_origin_outlives_a_segment(writer: RingWriter) -> None:
    writer.tell_clock(1_700_000_000_000_000, 250)
    write_one(writer)
    writer.tell_reconnects(4)
    write_one(writer, LARGER)

    reader = RingReader.open(writer.paths)
    told = (reader.origin_clock_us, reader.clock_doubt_us, reader.reconnects)
    assert told == (1_700_000_000_000_000, 250, 4)
    reader.close()


@pytest.mark.parametrize(
    ("hops", "why"),
    [
        (("a b",), "is no name of a node"),
        (("",), "is no name of a node"),
        (("ä",), "is no name of a node"),
        (("n" * 65,), "is no name of a node"),
        (tuple("abcdefghijklmnopq"), "at most 16 hops"),
        (("n" * 60,) * 6, "at most 16 hops and 352 bytes"),
    ],
)
def test_impossible_hops_are_refused(writer: RingWriter, hops: tuple[str, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        writer.route(hops)
