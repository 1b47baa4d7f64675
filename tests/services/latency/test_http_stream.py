from __future__ import annotations

import base64
from itertools import islice
from typing import Any

import pytest

from services.latency.errors import StreamEnded, StreamRefused
from services.latency.http_stream import Address, HttpStream
from tests.support.mjpeg_server import MjpegServer
from tests.support.pictures import telling_jpeg


@pytest.mark.parametrize("url", ["ftp://host/", "host", "http:///path", "rtsp://host/x"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="shm:"):
        Address(url)


def test_nobody_there_is_said() -> None:
    with pytest.raises(StreamRefused, match="refused"):
        HttpStream(Address("http://127.0.0.1:1/stream/video"), 1.0)


def test_parts_come_with_what_their_headers_say() -> None:
    """This server's say nothing but their length."""
    with MjpegServer(telling_jpeg) as server, HttpStream(Address(server.url), 5.0) as stream:
        received = list(islice(stream.parts(), 3))
        assert stream.received_bytes > sum(said.size_bytes for _, said in received)
    for number, (part, said) in enumerate(received):
        assert part.jpeg == telling_jpeg(number)
        assert (said.number, said.captured_wall_us, said.epoch) == (-1, 0, "")
        assert said.received_wall_us > 0
    times = [said.received_at for _, said in received]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("manners", "query", "why"),
    [
        ({"pictures": 2}, "", "ended the stream"),
        ({"stall_after": 1}, "", "timed out"),
        ({}, "?lengths=no", "no stream of ours"),
    ],
)
def test_an_end_a_silence_and_another_format_are_ends(
    manners: dict[str, Any], query: str, why: str
) -> None:
    with MjpegServer(telling_jpeg, **manners) as server:
        stream = HttpStream(Address(server.url + query), 0.3)
        with stream, pytest.raises(StreamEnded, match=why):
            list(stream.parts())


def test_user_and_password_are_sent_and_a_token_before_them() -> None:
    basic = "Basic " + base64.b64encode(b"alice:pass:word").decode()
    with MjpegServer(telling_jpeg, authorization=basic) as server:
        url = server.url.replace("//", "//alice:pass%3Aword@")
        with HttpStream(Address(url), 5.0) as stream:
            assert next(stream.parts())
        with pytest.raises(StreamRefused, match="401"):
            HttpStream(Address(server.url), 5.0)
    with MjpegServer(telling_jpeg, authorization="Bearer secret") as server:
        url = server.url.replace("//", "//alice:other@")
        with HttpStream(Address(url, "secret"), 5.0) as stream:
            assert next(stream.parts())
