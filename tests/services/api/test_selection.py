"""Which frames a viewer gets; the rest of its behaviour is tested with streams (test_stream.py)."""

from __future__ import annotations

from services.api.client import Client
from services.api.counters import Counters
from services.api.encoded import framed
from services.api.selection import Selection
from services.api.variant import StreamOptions, Variant
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence

GEOMETRY = Geometry(64, 48, PixelFormat.JPEG)


def frame(sequence: int, *, online: bool = True) -> FrameInfo:
    at = MonotonicNs(10**12 + round(sequence * 1e9 / 30))
    return FrameInfo(Epoch(1), Sequence(sequence), at, at, GEOMETRY, 4, online)


class Bench:
    """A selection whose viewer is ready or not."""

    def __init__(self, fps: float = 60.0) -> None:
        self.counters = Counters()
        self.is_ready = True
        self.client = Client("1", "192.0.2.7", "mjpeg", StreamOptions(Variant(85), fps))
        self.selection = Selection(self.client, self.counters)

    def offer(self, sequence: int) -> bool:
        info = frame(sequence)
        wanted = self.selection.wants(info, 30.0, lambda: self.is_ready)
        if wanted:
            self.selection.take(framed(info, b"\xff\xd8\xff\xd9"))
        return wanted


def test_frame_that_came_too_early_is_owed_and_dropped_when_a_newer_one_comes() -> None:
    bench = Bench()
    bench.is_ready = False
    assert not bench.offer(1)
    assert [bench.selection.owed] == [True]
    assert not bench.offer(2)
    assert (bench.client.dropped, bench.counters.dropped) == (1, 1)
    bench.is_ready = True
    assert bench.offer(2), "the newest may still be sent"
    assert [bench.selection.owed] == [False]
    assert bench.client.dropped == 1


def test_frames_beyond_the_rate_are_skipped_not_dropped() -> None:
    bench = Bench(fps=10)
    assert [number for number in range(1, 13) if bench.offer(number)] == [1, 4, 7, 10]
    assert (bench.counters.skipped, bench.counters.dropped) == (8, 0)


def test_the_same_picture_again_is_no_other_one() -> None:
    selection = Bench().selection
    picture = framed(frame(1), b"\xff\xd8\xff\xd9")
    assert selection.take(picture)
    assert not selection.take(picture)
    assert not selection.would_take(frame(1), 30.0)
    assert selection.would_take(frame(2), 30.0)
