"""The end that writes; the lock tells two of them apart within one process all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import zmq

from services.api.led_ring import LedRing, has_leader, sweep
from shared.doorbell import open_doorbell
from shared.errors import RingUnavailable, WriterConflict
from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.naming import segment_paths
from shared.ring.reader import RingReader
from tests.support.greenlets import turns_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.naming import SegmentPaths

SMALL = Geometry(8, 4, PixelFormat.BGR24)


def write(ring: LedRing, value: int) -> None:
    slot = ring.begin(SMALL)
    slot.image[:] = np.uint8(value)
    ring.commit(slot, MonotonicNs(value), online=True)


@pytest.fixture
def leading(paths: SegmentPaths) -> Iterator[LedRing]:
    ring = LedRing(paths, 0, "what it shows")
    ring.open()
    yield ring
    ring.close()


def test_there_is_one_leader_and_then_the_next(leading: LedRing, paths: SegmentPaths) -> None:
    other = LedRing(paths, 0, "test")
    assert has_leader(paths)
    with pytest.raises(WriterConflict):
        other.open()
    leading.close()
    assert not has_leader(paths)
    other.open()
    other.close()
    other.close()


def test_anybody_can_read_it(leading: LedRing, paths: SegmentPaths) -> None:
    write(leading, 7)
    reader = RingReader.open(paths)
    with reader.view(reader.head) as view:
        assert (view.info.captured_at, view.info.geometry) == (7, SMALL)
        assert (view.image == 7).all()
    assert reader.label == "what it shows"
    reader.close()


def test_the_leader_knows_whether_anybody_listens(leading: LedRing, paths: SegmentPaths) -> None:
    assert not leading.watched()
    with open_doorbell(paths, zmq.Context.instance()):
        turns_until(leading.watched, "the subscription")
    turns_until(lambda: not leading.watched(), "its end")


def test_closing_leaves_no_file(leading: LedRing, paths: SegmentPaths) -> None:
    write(leading, 1)
    leading.beat()
    leading.close()
    assert list(paths.directory.glob(f"{paths.name}*")) == []


def test_directory_that_is_missing_is_told(tmp_path: Path) -> None:
    missing = segment_paths("camera", tmp_path / "missing")
    ring = LedRing(missing, 0, "test")
    with pytest.raises(RingUnavailable):
        ring.open()
    ring.close()
    assert not has_leader(missing)


def test_sweeping_takes_what_nobody_owns(leading: LedRing, paths: SegmentPaths) -> None:
    write(leading, 1)
    dead = segment_paths(f"{paths.name}-dead", paths.directory)
    for path in (dead.ring, dead.lock, dead.socket, dead.temporary()):
        path.touch()

    sweep([paths, dead])

    assert list(paths.directory.glob(f"{dead.name}*")) == []
    assert has_leader(paths)
