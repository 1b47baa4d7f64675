from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.latency.errors import StreamEnded, StreamRefused
from services.latency.ring_stream import RingStream, place_of
from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.naming import DEFAULT_DIRECTORY, segment_paths
from shared.ring.writer import RingWriter

if TYPE_CHECKING:
    from tests.support.processes import Services


def far() -> float:
    return time.monotonic() + 20.0


def test_the_directory_can_be_named() -> None:
    assert place_of("shm:billiards_video") == (DEFAULT_DIRECTORY, "billiards_video")
    assert place_of("shm:/memory/door") == (Path("/memory"), "door")


@pytest.mark.process
def test_frames_of_a_ring_are_read_from_their_pictures(
    service: Services, segment_name: str
) -> None:
    service.video("pattern://320x240@60")
    stream = RingStream(DEFAULT_DIRECTORY, segment_name, 20.0)
    live = (frame for frame in stream.sightings(far()) if frame.online)
    frames = list(islice(live, 10))
    assert all(frame.coded and not frame.torn and not frame.contradicts for frame in frames)
    assert len({frame.epoch for frame in frames}) == 1
    assert all(0 <= frame.age_ms < 5000 for frame in frames)
    assert stream.received_bytes >= 10 * 320 * 240 * 3


def test_no_video_module_is_no_stream(segment_name: str) -> None:
    with pytest.raises(StreamRefused, match="Video Module is not running"):
        list(RingStream(DEFAULT_DIRECTORY, segment_name, 0.1).sightings(far()))


def test_an_impossible_name_is_no_stream() -> None:
    with pytest.raises(StreamRefused, match="not valid"):
        RingStream(DEFAULT_DIRECTORY, "a b", 0.1)


def test_a_ring_without_new_frames_is_an_end(segment_name: str) -> None:
    with RingWriter(segment_paths(segment_name), slots=4) as writer:
        slot = writer.begin(Geometry(64, 48, PixelFormat.GRAY8))
        slot.image[:] = 0
        writer.commit(slot, MonotonicNs(time.monotonic_ns()))
        frames = RingStream(DEFAULT_DIRECTORY, segment_name, 0.2).sightings(far())
        assert not next(frames).coded
        with pytest.raises(StreamEnded, match="no new frame"):
            next(frames)
