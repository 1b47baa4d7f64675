from __future__ import annotations

import time
from itertools import islice

import pytest

from services.latency.errors import StreamEnded
from services.latency.http_stream import Address, HttpStream
from services.latency.receiver import sightings
from tests.support.mjpeg_server import MjpegServer
from tests.support.pictures import telling_jpeg


def test_every_picture_is_looked_at_until_the_end() -> None:
    with MjpegServer(telling_jpeg, pictures=5) as server:
        frames = sightings(HttpStream(Address(server.url), 5.0), time.monotonic() + 20.0)
        seen = list(islice(frames, 4))  # the last one lacks the boundary that ends it
        with pytest.raises(StreamEnded):
            next(frames)
    assert [frame.number for frame in seen] == [0, 1, 2, 3]
    assert all(frame.coded for frame in seen)


def test_nothing_is_yielded_after_the_time_is_over() -> None:
    with MjpegServer(telling_jpeg) as server:
        until_s = time.monotonic() + 0.3
        seen = list(sightings(HttpStream(Address(server.url), 5.0), until_s))
    assert seen
    assert all(frame.received_at <= until_s for frame in seen)


def test_a_silent_stream_does_not_hold_the_end_up() -> None:
    with MjpegServer(telling_jpeg, stall_after=0) as server:
        assert list(sightings(HttpStream(Address(server.url), 1.5), time.monotonic() + 0.1)) == []
