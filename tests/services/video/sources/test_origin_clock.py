"""What time it is at the origin is known within bounds that hold, whatever its clock shows."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from services.video.sources.origin_clock import OriginClock
from services.video.sources.upstream import Upstream
from shared.settings_schema import RelaySettings
from tests.support.fake_node import FakeNode
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode() as server:
        yield server


@pytest.fixture
def clock(node: FakeNode) -> Iterator[OriginClock]:
    asking = OriginClock(Upstream(node.url, "hall", RelaySettings()))
    yield asking
    asking.end()


def error_ms(clock: OriginClock, node: FakeNode) -> tuple[float, float]:
    """How far the best guess is off, and what it claims to be off by at most."""
    offset = clock.offset()
    assert offset is not None
    origin_ms = time.monotonic_ns() / 1e6 - offset.middle_ms
    return abs(origin_ms - (time.time() * 1e3 + node.ahead_us / 1e3)), offset.doubt_ms


@pytest.mark.parametrize("ahead_us", [0, 12_345_678, -86_400_000_000])
def test_origins_clock_is_known_within_what_is_claimed(
    node: FakeNode, clock: OriginClock, ahead_us: int
) -> None:
    node.ahead_us = ahead_us
    clock.begin()
    off_ms, doubt_ms = error_ms(clock, node)
    assert off_ms <= doubt_ms + 0.5
    assert doubt_ms >= 0.1, "what the other node doubts is part of it"


def test_more_exchanges_follow_over_one_connection(node: FakeNode, clock: OriginClock) -> None:
    clock.begin()
    wait_until(lambda: len(node.requests) >= 6, "exchanges")
    assert {path for path, _ in node.requests} == {"/stream/cam/clock"}


def test_clock_that_was_set_is_followed(node: FakeNode, clock: OriginClock) -> None:
    clock.begin()
    node.ahead_us = 5_000_000
    wait_until(lambda: len(node.requests) >= 6, "exchanges")
    clock.ask_soon()
    wait_until(lambda: error_ms(clock, node)[0] < 1000.0, "the new time")


def test_what_is_known_becomes_doubtful_with_time(node: FakeNode) -> None:
    threads = threading.active_count()
    now_ns = time.monotonic_ns()
    clock = OriginClock(Upstream(node.url, "hall", RelaySettings()), lambda: now_ns)
    clock.begin()
    clock.end()
    wait_until(lambda: threading.active_count() == threads, "the end of the asking")
    before = clock.offset()
    now_ns += 60_000_000_000
    after = clock.offset()
    assert before is not None
    assert after is not None
    assert after.doubt_ms == pytest.approx(before.doubt_ms + 6.0)
    clock.forget()
    assert clock.offset() is None


@pytest.mark.parametrize(
    "told",
    [
        *({}, [], "noon", {"now_us": 1.5, "doubt_us": 0}, {"now_us": -1, "doubt_us": 0}),
        *({"now_us": 1, "doubt_us": 2**70}, {"now_us": True, "doubt_us": None}),
    ],
)
def test_answer_that_tells_no_time_is_none(
    node: FakeNode, clock: OriginClock, told: object
) -> None:
    node.clock = told
    clock.begin()
    assert clock.offset() is None


def test_node_that_refuses_tells_no_time(node: FakeNode, clock: OriginClock) -> None:
    node.status = 503
    clock.begin()
    assert clock.offset() is None
