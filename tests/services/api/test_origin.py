"""What a ring says of the nodes behind it, and what time it is at the first of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from services.api.origin import Origin
from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.ring.reader import RingReader

if TYPE_CHECKING:
    from shared.naming import SegmentPaths
    from shared.ring.writer import RingWriter


def write(writer: RingWriter) -> None:
    slot = writer.begin(Geometry(8, 4, PixelFormat.GRAY8))
    slot.payload[:] = 0
    writer.commit(slot, MonotonicNs(time.monotonic_ns()))


def test_ring_of_a_relay_tells_its_nodes_and_the_time(
    writer: RingWriter, paths: SegmentPaths
) -> None:
    clock_us = (time.time_ns() - time.monotonic_ns()) // 1000 + 5_000_000
    writer.route(("gate", "hall"))
    writer.tell_clock(clock_us, 1500)
    writer.tell_reconnects(3)
    write(writer)
    reader = RingReader.open(paths)
    origin = Origin.of(reader)
    reader.close()

    assert origin == Origin(("gate", "hall"), clock_us, 1500, 3)
    assert (origin.relayed, origin.clock_known) == (True, True)
    assert origin.wall_us(2_000) == clock_us + 2
    status = origin.status("http://gate/stream/cam")
    assert status is not None
    assert status.pop("clock_offset_ms") == pytest.approx(5000.0, abs=50.0)
    assert status == {
        "upstream": "http://gate/stream/cam",
        "hops": ["gate", "hall"],
        "clock_uncertainty_ms": 1.5,
        "reconnects": 3,
    }


def test_clock_that_is_not_known_is_not_told() -> None:
    origin = Origin(("gate", "hall"))
    assert not origin.clock_known
    status = origin.status("x")
    assert status is not None
    assert (status["clock_offset_ms"], status["clock_uncertainty_ms"]) == (None, None)


@pytest.mark.parametrize("hops", [(), ("gate",)])
def test_origin_is_its_own_clock(hops: tuple[str, ...]) -> None:
    origin = Origin(hops)
    assert origin.status("pattern") is None
    assert origin.clock_known
    now_us = origin.wall_us(time.monotonic_ns())
    assert abs(now_us - time.time_ns() // 1000) < 50_000


def test_without_a_ring_nothing_is_known() -> None:
    assert Origin.of(None) == Origin()
