"""A camera on a connection: how many pictures are on their way, and what becomes of the others."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from services.api.adaptive import Adaptation
from services.api.client import Client
from services.api.connection import Connection
from services.api.encoded import framed
from services.api.variant import parse_options
from services.api.websocket.line import Line
from services.api.websocket.messages import Subscribe
from services.api.websocket.subscription import Subscription
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from services.api.cameras import Cameras
    from tests.conftest import Clock

GEOMETRY = Geometry(64, 48, PixelFormat.JPEG)


def frame(sequence: int) -> FrameInfo:
    at = MonotonicNs(10**12 + round(sequence * 1e9 / 30))
    return FrameInfo(Epoch(1), Sequence(sequence), at, at, GEOMETRY, 4, online=True)


class Bench:
    """A subscription, its client's socket, and what became of it."""

    def __init__(self, cameras: Cameras, clock: Clock) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client = socket.create_connection(listener.getsockname())
            self.server, _ = listener.accept()
        self.client.settimeout(5.0)
        self.camera = cameras.default()
        self.line = Line(Connection(self.server, 10.0), 10.0, clock)
        self.ended: list[Subscription] = []
        options = parse_options({"fps": "60"}, cameras.settings.api.stream)
        client = Client("1", "192.0.2.7", "websocket", options, clock)
        self.subscription = Subscription(
            Subscribe("video", 9, window=2),
            self.camera,
            self.line,
            client,
            ended=self.ended.append,
            clock=clock,
        )
        self.seat = cameras.admit(self.camera, "192.0.2.7")
        way = Adaptation(self.camera, (options.variant,), clock())
        self.subscription.begin(self.seat, way, adaptive=False)

    def give(self, sequence: int) -> bool:
        """Offer a frame as the fan-out does."""
        info = frame(sequence)
        wanted = self.subscription.wants(info, 30.0)
        if wanted:
            self.subscription.send(framed(info, b"\xff\xd8" + bytes(60) + b"\xff\xd9"))
            assert self.client.recv(4096), "it has gone out"
        return wanted

    def close(self) -> None:
        self.subscription.close()
        with contextlib.suppress(OSError):
            self.client.close()
        self.server.close()


@pytest.fixture
def bench(app: Flask, clock: Clock) -> Iterator[Bench]:
    bench = Bench(app.extensions["ringcast"], clock)
    yield bench
    bench.close()


def test_no_more_than_the_window_is_under_way(bench: Bench) -> None:
    assert [bench.give(number) for number in range(1, 5)] == [True, True, False, False]
    assert bench.subscription.client.dropped == 1, "the newest may still be sent"
    assert not bench.subscription.would_take(frame(5), 30.0)
    bench.subscription.acknowledge(1)
    assert bench.subscription.would_take(frame(5), 30.0)
    assert bench.give(5)
    assert bench.subscription.client.dropped == 2
    assert not bench.give(6)


def test_a_picture_is_acknowledged_once_and_only_if_it_was_sent(bench: Bench) -> None:
    bench.give(1)
    bench.give(2)
    bench.subscription.acknowledge(77)
    assert not bench.subscription.ready()
    bench.subscription.acknowledge(1)
    bench.subscription.acknowledge(1)
    assert bench.give(3)
    assert not bench.subscription.ready()


def test_last_picture_is_repeated_after_a_silence_within_the_window(
    bench: Bench, clock: Clock
) -> None:
    bench.give(1)
    clock.advance(5.0)
    bench.subscription.tend()
    assert bench.camera.counters.repeated == 1
    flags = bench.client.recv(4096)[4]
    assert flags & 2
    clock.advance(5.0)
    bench.subscription.tend()
    assert bench.camera.counters.repeated == 1, "two are under way"


def test_end_is_told_once_and_nothing_is_sent_any_more(bench: Bench) -> None:
    assert [row[0] for row in bench.camera.audience.rows()] == ["1"]
    bench.subscription.end("the lights went out")
    bench.subscription.end("again")
    assert bench.ended == [bench.subscription]
    assert bench.subscription.ended == "the lights went out"
    assert not bench.give(1)
    bench.subscription.close()
    assert bench.camera.clients() == 0
    assert len(bench.camera.audience) == 0
    assert bench.subscription.client.variant == "q85p"
