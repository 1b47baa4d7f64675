from __future__ import annotations

import gevent
from gevent.event import Event

from services.api.feed import Feed
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence

GEOMETRY = Geometry(64, 48, PixelFormat.BGR24)
PERIOD_NS = 33_333_333


class ClockNs:
    now = 10**12

    def __call__(self) -> int:
        return self.now


def frame(
    sequence: int, epoch: int = 5, captured_at: int = 10**12, *, online: bool = True
) -> FrameInfo:
    at = MonotonicNs(captured_at)
    return FrameInfo(Epoch(epoch), Sequence(sequence), at, at, GEOMETRY, 1, online)


def test_only_newer_frames_are_taken() -> None:
    feed = Feed()
    assert feed.offer(frame(5))
    assert not feed.offer(frame(5))
    assert not feed.offer(frame(4))
    assert feed.newest == frame(5)


def test_another_epoch_is_newer_whatever_its_number() -> None:
    feed = Feed()
    feed.offer(frame(500, epoch=5))
    assert feed.offer(frame(1, epoch=6))
    assert feed.newest == frame(1, epoch=6)


def test_waiters_are_set_until_they_leave() -> None:
    feed, waiter = Feed(), Event()
    feed.join(waiter)
    feed.offer(frame(1))
    assert waiter.is_set()
    waiter.clear()
    feed.leave(waiter)
    feed.offer(frame(2))
    assert not waiter.is_set()


def test_wait_newer_gives_a_frame_captured_after_the_point_in_time() -> None:
    feed = Feed()
    feed.offer(frame(1, captured_at=100))
    gevent.spawn(feed.offer, frame(2, captured_at=200))
    assert feed.wait_newer(MonotonicNs(100), 5.0) == frame(2, captured_at=200)


def test_wait_newer_gives_none_when_nothing_comes() -> None:
    feed = Feed()
    feed.offer(frame(1, captured_at=100))
    assert feed.wait_newer(MonotonicNs(100), 0.01) is None


def test_wait_newer_waits_on_while_the_frame_is_not_acceptable() -> None:
    feed = Feed()
    feed.offer(frame(1, captured_at=100))
    assert feed.wait_newer(MonotonicNs(0), 0.01, lambda: False) is None
    assert feed.wait_newer(MonotonicNs(0), 0.01, lambda: True) == frame(1, captured_at=100)


def test_wait_newer_ends_soon_after_it_became_pointless() -> None:
    looks = iter([False, False, True])
    assert Feed().wait_newer(MonotonicNs(0), 3600.0, pointless=lambda: next(looks)) is None


def test_rate_counts_frames_that_were_never_looked_at() -> None:
    clock = ClockNs()
    feed = Feed(clock)
    for sequence in range(0, 60, 3):
        clock.now = 10**12 + sequence * PERIOD_NS
        feed.offer(frame(sequence + 1, captured_at=clock.now))
    assert 29.9 < feed.fps() < 30.1


def test_rate_is_none_of_an_ended_epoch_and_fades_with_silence() -> None:
    clock = ClockNs()
    feed = Feed(clock)
    feed.offer(frame(1, captured_at=clock.now))
    assert feed.fps() == 0.0
    feed.offer(frame(2, captured_at=clock.now + PERIOD_NS))
    assert feed.fps() > 0.0
    feed.offer(frame(1, epoch=6, captured_at=clock.now + 2 * PERIOD_NS))
    assert feed.fps() == 0.0
    clock.now += 10_000_000_000
    assert feed.fps() == 0.0


def test_age_counts_from_the_capture() -> None:
    clock = ClockNs()
    feed = Feed(clock)
    assert feed.age_ms() is None
    feed.offer(frame(1, captured_at=clock.now))
    clock.now += 5_000_000
    assert feed.age_ms() == 5.0


def test_turns_are_told_and_nothing_else() -> None:
    told: list[FrameInfo] = []
    feed = Feed(turned=told.append)
    turns = [frame(1), frame(3, online=False), frame(5), frame(1, epoch=6)]
    between = [frame(2), frame(4, online=False), frame(6), frame(2, epoch=6)]
    for turn, same in zip(turns, between, strict=True):
        feed.offer(turn)
        feed.offer(same)
        feed.offer(same)
    assert told == turns
