"""Streams that the server ends by its own wish: of age, and one by one at a shutdown."""

from __future__ import annotations

import re
import signal
import socket
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from services.api.lifespan import AGED, LEAVING
from tests.support.mjpeg_client import EndOfStream, MjpegClient, get
from tests.support.processes import wait_until
from tests.support.streams import STREAM, status
from tests.support.ws_client import Closed, WsClient

if TYPE_CHECKING:
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(120)]


def seconds_until_the_end(client: MjpegClient, since: float) -> float:
    """Read a stream to its end, which must be a clean one."""
    with client, pytest.raises(EndOfStream) as end:
        deque(client.parts(), maxlen=0)
    assert end.value.clean, "the last thing sent is the closing boundary"
    return time.monotonic() - since


def test_streams_of_age_end_cleanly_and_not_all_at_once(service: Services) -> None:
    api = service.both(api__limits__max_stream_age_sec=4)
    since = time.monotonic()
    raw = MjpegClient(f"{api.url}/stream/video/raw")
    clients = [*(MjpegClient(api.url + STREAM) for _ in range(15)), raw]
    with ThreadPoolExecutor(len(clients)) as pool:
        ended = sorted(pool.map(lambda client: seconds_until_the_end(client, since), clients))
    assert ended[0] >= 3.6, "a tenth earlier at most"
    assert ended[-1] - ended[0] > 0.2
    assert len(re.findall(f"ended: {AGED}", api.said())) == 16
    wait_until(lambda: status(api)["aged_total"] == 16, "them to be counted")
    assert b"ringcast_streams_aged_total" in get(f"{api.url}/metrics")[2]


def test_recorder_of_y4m_gets_whole_frames_until_the_end(service: Services) -> None:
    api = service.both(api__limits__max_stream_age_sec=1)
    target = urlsplit(api.url)
    with socket.create_connection((target.hostname, target.port), timeout=10) as raw:
        raw.sendall(b"GET /stream/video/raw?format=y4m HTTP/1.0\r\nHost: localhost\r\n\r\n")
        received = bytearray()
        while more := raw.recv(1 << 20):
            received += more
    _, _, body = bytes(received).partition(b"\r\n\r\n")
    head, _, frames = body.partition(b"\n")
    assert head.startswith(b"YUV4MPEG2 W320 H240 ")
    size = len(b"FRAME\n") + 320 * 240 * 3 // 2
    assert len(frames) > 10 * size
    assert len(frames) % size == 0


def code_at_the_end(client: WsClient) -> int:
    """Take pictures until the connection is closed, and return its code."""
    pictures = iter(client.picture, None)
    with pytest.raises(Closed) as closed:
        deque(pictures, maxlen=0)
    return closed.value.code


def test_websocket_of_age_is_told_and_closed(service: Services) -> None:
    api = service.both(api__limits__max_stream_age_sec=4)
    with WsClient(f"{api.url}/ws") as client:
        client.say(subscribe="video", id=1)
        told = client.told("going")
        assert told["going"] == AGED
        assert 0 < told["in_ms"] <= 2000
        assert client.picture().number > 0, "pictures come until the end"
        assert code_at_the_end(client) == 1001


def read_on(clients: list[MjpegClient], since: float) -> tuple[ThreadPoolExecutor, list[float]]:
    """Read streams to their clean ends; how long each took comes into the list."""
    ended: list[float] = []

    def read(client: MjpegClient) -> None:
        ended.append(seconds_until_the_end(client, since))

    pool = ThreadPoolExecutor(len(clients))
    for client in clients:
        pool.submit(read, client)
    return pool, ended


def answer(api: Api, path: str) -> tuple[int, dict[str, str]]:
    """Status and headers of a GET."""
    code, headers, _ = get(api.url + path, http="1.1")
    return code, headers


def asks_in_vain(api: Api) -> bool:
    """Whether a stream is refused, as it should be by a server that shuts down."""
    with MjpegClient(api.url + STREAM) as client:
        return (client.status, client.headers.get("retry-after")) == (503, "1")


def test_streams_of_a_server_that_shuts_down_end_one_by_one(service: Services) -> None:
    api = service.both(api__workers=2, api__drain_spread_sec=5)
    clients = [MjpegClient(api.url + STREAM) for _ in range(30)]
    for client in clients:
        client.next_part()
    with WsClient(f"{api.url}/ws") as connection:
        connection.say(subscribe="video", id=1)
        connection.picture()
        since = time.monotonic()
        api.signal(signal.SIGTERM)
        pool, ended = read_on(clients, since)
        with pool:
            wait_until(lambda: answer(api, "/readyz")[0] == 503, "it to say that it is not ready")
            code, headers = answer(api, "/readyz")
            assert (code, headers["connection"].lower()) == (503, "close")
            wait_until(lambda: asks_in_vain(api), "it to refuse streams")
            assert answer(api, f"{STREAM}/frame")[0] == 200
            assert answer(api, "/healthz")[0] == 200
            with pytest.raises(Closed) as refused:
                WsClient(f"{api.url}/ws")
            assert refused.value.code == 503
            assert connection.told("going")["going"] == LEAVING
            assert code_at_the_end(connection) == 1001
    assert api.wait() == 0
    assert len(ended) == 30
    assert min(ended) >= 1.25, "who balances has had time to notice"
    halves = [sum(at < 3.1 for at in ended), sum(at >= 3.1 for at in ended)]
    assert min(halves) >= 5, f"they end one by one, not together: {sorted(ended)}"
    assert len(re.findall(f"ended: {LEAVING}", api.said())) == 31
    assert "Traceback" not in api.said()


def test_reload_moves_streams_without_refusing_any(service: Services) -> None:
    api = service.both(api__workers=2, api__drain_spread_sec=4)
    clients = [MjpegClient(api.url + STREAM) for _ in range(10)]
    old = {worker.pid for worker in api.workers()}
    answers: list[tuple[str, int, bytes]] = []
    over = threading.Event()

    def keep_asking() -> None:
        while not over.is_set():
            code, _, body = get(f"{api.url}/readyz")
            answers.append(("/readyz", code, body))
            with MjpegClient(api.url + STREAM) as client:
                answers.append((STREAM, client.status, client.body))

    asking = threading.Thread(target=keep_asking)
    pool, ended = read_on(clients, time.monotonic())
    with pool:
        asking.start()
        api.signal(signal.SIGHUP)
        wait_until(lambda: not old & {worker.pid for worker in api.workers()}, "the old to end")
        over.set()
        asking.join()
    assert [each for each in answers if each[1] != 200] == []
    assert len(ended) == 10
