"""The segments of one writer, as a writer's frames have them made; room is in test_space.py."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from shared.errors import RingSpaceError
from shared.frame import Geometry, MonotonicNs, PixelFormat, Sequence
from shared.ring.epochs import Epochs
from shared.ring.layout import State, Word
from shared.ring.reader import RingReader
from shared.ring.writer import RingWriter
from tests.shared.conftest import TINY
from tests.support.frames import draw_telling, is_telling

if TYPE_CHECKING:
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths

LARGER = Geometry(96, 64, PixelFormat.BGR24)
JPEG = Geometry(48, 32, PixelFormat.JPEG)


def write_one(writer: RingWriter, geometry: Geometry = TINY) -> FrameInfo:
    slot = writer.begin(geometry)
    draw_telling(slot.image, slot.sequence)
    return writer.commit(slot, MonotonicNs(123))


def test_ending_is_harmless_without_a_segment_and_ends_the_one_there_is(
    paths: SegmentPaths,
) -> None:
    epochs = Epochs(paths, 4, 0, "pattern", 0.0)
    epochs.keep_name()
    epochs.end()
    mapping = epochs.with_room_for(1000, 1000)
    assert epochs.with_room_for(1000, 2000) is mapping
    epochs.end()
    epochs.end()
    assert mapping.words[Word.STATE] == State.CLOSED
    assert epochs.mapping is None
    assert not paths.ring.exists()


@pytest.mark.parametrize("slots", [1, 65])
def test_a_number_of_slots_out_of_range_is_refused(paths: SegmentPaths, slots: int) -> None:
    with pytest.raises(ValueError, match=f"slots {slots} must be 2 to 64"):
        RingWriter(paths, slots=slots)


def test_a_smaller_frame_needs_no_new_segment_and_a_larger_one_makes_one(
    writer: RingWriter,
) -> None:
    first = write_one(writer, LARGER)
    smaller_one = write_one(writer, TINY)
    assert smaller_one.epoch == first.epoch
    old = RingReader.open(writer.paths)
    larger = write_one(writer, Geometry(200, 200, PixelFormat.BGR24))
    assert larger.epoch != first.epoch
    assert larger.sequence == 3
    assert old.state == State.RETIRED
    with old.view(Sequence(2)) as view:
        assert is_telling(view.image, 2)
    old.close()


def test_lack_of_room_is_told_with_what_to_do_before_anything_is_made(
    paths: SegmentPaths,
) -> None:
    with RingWriter(paths, slots=5, reserve_bytes=2**60) as writer:
        with pytest.raises(RingSpaceError, match=r"RINGCAST_VIDEO__RING__SLOTS \(now 5\)"):
            writer.begin(TINY)
        assert not paths.ring.exists()


def test_a_new_segment_is_logged_with_its_size(
    writer: RingWriter, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        write_one(writer, Geometry(1920, 1080, PixelFormat.BGR24))
    assert "4 slots of 5.9 MiB, 23.7 MiB in all" in caplog.text


def test_a_hundred_changes_of_size_remap_only_when_it_grows_and_never_mix(
    writer: RingWriter,
) -> None:
    rng = np.random.default_rng(7)
    reader: RingReader | None = None
    remaps, largest, grown = 0, 0, 0
    for _ in range(100):
        width, height = (int(axis) for axis in rng.integers(1, 300, 2))
        geometry = Geometry(width, height, PixelFormat.BGR24)
        info = write_one(writer, geometry)
        page = os.sysconf("SC_PAGESIZE")
        if geometry.size_bytes > largest:
            largest = -(-geometry.size_bytes // page) * page
            grown += 1
        if reader is None or not reader.live:
            reader = RingReader.open(writer.paths)
            remaps += 1
        with reader.view(reader.head) as view:
            assert view.info == info
            assert view.info.geometry == geometry
            assert is_telling(view.image, info.sequence)
        if not reader.live:
            reader.close()
    assert remaps == grown > 1


def test_a_ring_for_jpeg_has_room_for_larger_ones(writer: RingWriter) -> None:
    """A new segment at every busier picture would cost its readers an epoch each."""
    first = writer.begin(JPEG, size_bytes=50_000)

    larger = writer.begin(JPEG, size_bytes=100_000)

    assert larger.epoch == first.epoch
    assert writer.begin(JPEG, size_bytes=200_000).epoch != first.epoch
