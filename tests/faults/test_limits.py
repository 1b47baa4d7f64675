"""Clients that want too much: streams, sizes, snapshots, and requests that are none."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest

from services.api.lifecycle import allow_descriptors
from tests.support.audience import Viewer, all_see, statuses
from tests.support.mjpeg_client import MjpegClient, ProtocolViolation, get
from tests.support.processes import Services, wait_until
from tests.support.streams import STREAM, status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import Api

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e, pytest.mark.timeout(120)]

log = logging.getLogger("measured")

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the kernel's own tmpfs, not a temp file
ANSWERS: Final = ("/stream/video/frame", "/stream/video/status", "/healthz", "/readyz")


def connect(api: Api, source: str = "127.0.0.1") -> socket.socket:
    """A connection from one of this machine's addresses."""
    address = urlsplit(api.url)
    return socket.create_connection(
        (address.hostname, address.port or 80), 15.0, source_address=(source, 0)
    )


def ask(api: Api, path: str, source: str = "127.0.0.1") -> socket.socket:
    """Ask for something and read nothing."""
    connection = connect(api, source)
    connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    return connection


def first_line(connection: socket.socket) -> bytes:
    return connection.recv(12)


def test_full_house_refuses_further_streams_and_answers_everything_else(service: Services) -> None:
    most = 60
    api = service.both("pattern://320x240@10", api__workers=2, api__limits__max_streams=most)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(api)) for _ in range(300)]
        streams = [stack.enter_context(ask(api, STREAM)) for _ in range(most)]
        assert {first_line(stream) for stream in streams} == {b"HTTP/1.0 200"}
        assert status(api)["clients_total"] == most
        for _ in range(4):
            with MjpegClient(api.url + STREAM) as refused:
                assert refused.status == 503
                assert int(refused.headers["retry-after"]) >= 1
                problem = json.loads(refused.body)
                assert (problem["limit"], problem["setting"]) == (most, "api.limits.max_streams")
        assert [api.answers(path) for path in ANSWERS * 5] == [200] * 20
        assert len(idle) == 300
        streams[0].close()
        wait_until(lambda: status(api)["clients_total"] == most - 1, "a free place")
        streams.append(stack.enter_context(ask(api, STREAM)))
        assert first_line(streams[-1]) == b"HTTP/1.0 200"
    wait_until(lambda: status(api)["clients_total"] == 0, "nobody to be counted")


@pytest.mark.slow
def test_answers_come_beside_500_streams(service: Services) -> None:
    """And how soon goes to the log; the streams are read, so that they stay."""
    allow_descriptors(600)
    api = service.both("pattern://320x240@5", api__workers=2)
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(ask(api, STREAM)) for _ in range(500)]
        wait_until(lambda: status(api)["clients_total"] == 500, "all streams to run")
        for path in ANSWERS:
            times = []
            for _ in range(50):
                began = time.monotonic()
                assert api.answers(path) == 200
                times.append((time.monotonic() - began) * 1000)
            times.sort()
            log.info("%s: p50 %.1f ms, worst of 50 %.1f ms", path, times[25], times[-1])
        assert len(streams) == 500
        assert status(api)["clients_total"] == 500


def test_one_address_has_its_share_and_no_more(service: Services) -> None:
    api = service.both(api__workers=2, api__limits__max_streams_per_address=3)
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(ask(api, STREAM, "127.0.0.2")) for _ in range(3)]
        assert [first_line(stream) for stream in streams] == [b"HTTP/1.0 200"] * 3
        for _ in range(4):
            with ask(api, STREAM, "127.0.0.2") as refused:
                assert first_line(refused) == b"HTTP/1.0 503"
        with ask(api, STREAM, "127.0.0.3") as other:
            assert first_line(other) == b"HTTP/1.0 200"
        streams[1].close()
        wait_until(lambda: status(api)["clients_total"] == 2, "a free place")
        again = stack.enter_context(ask(api, STREAM, "127.0.0.2"))
        assert first_line(again) == b"HTTP/1.0 200"


def test_streams_of_a_killed_worker_make_room(service: Services) -> None:
    api = service.both(api__workers=2, api__limits__max_streams=20)
    wait_until(lambda: api.said().count("attached to its ring") == 2, "both workers to be ready")
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(ask(api, STREAM)) for _ in range(20)]
        assert {first_line(stream) for stream in streams} == {b"HTTP/1.0 200"}
        killed = api.workers()[0]
        own = statuses(api)[killed.pid]["clients"]
        assert own >= 1
        killed.kill()
        wait_until(lambda: status(api)["clients_total"] == 20 - own, "its streams to be forgotten")
        for _ in range(own):
            streams.append(stack.enter_context(ask(api, STREAM)))
            assert first_line(streams[-1]) == b"HTTP/1.0 200"
        with ask(api, STREAM) as refused:
            assert first_line(refused) == b"HTTP/1.0 503"


def test_hundred_variants_cannot_make_a_hundred_encoders(service: Services) -> None:
    api = service.both(api__workers=1, api__limits__max_variants=4)
    plain = Viewer(api.url + STREAM)
    viewers, refusals = [], []
    for number in range(100):
        query = f"?quality={1 + number // 2}&width={160 + 16 * (number % 2)}"
        try:
            viewers.append(Viewer(api.url + STREAM + query))
        except ProtocolViolation:  # no stream
            refusals.append(get(api.url + STREAM + query))
    assert len(viewers) == 4
    assert [code for code, _, _ in refusals] == [429] * 96
    _, headers, body = refusals[0]
    problem = json.loads(body)
    assert int(headers["retry-after"]) >= 1
    assert problem["setting"] == "api.limits.max_variants"
    assert len(problem["variants"]) == 4
    assert "quality=1&width=160" in problem["variants"]
    for query in problem["variants"]:
        with MjpegClient(f"{api.url}{STREAM}?{query}") as client:
            assert client.next_part().online
    assert len(status(api)["leads"]) == 5
    assert len(list(SHARED_MEMORY.glob(f"{service.segment}~*.ring"))) == 5
    all_see([plain, *viewers], 60)
    before = status(api)
    began, seen = time.monotonic(), plain.newest()
    wait_until(lambda: time.monotonic() >= began + 2.0, "two seconds")
    after = status(api)
    frames = after["frame_number"] - before["frame_number"]
    assert after["encoded"] - before["encoded"] <= 5 * (frames + 2)
    assert plain.frames_after(seen) >= 0.8 * 2.0 * 30
    with MjpegClient(f"{api.url}{STREAM}?quality=auto") as client:
        assert client.next_part().online
    for viewer in (*viewers, plain):
        viewer.leave()
    wait_until(lambda: status(api)["clients"] == 0, "everybody to be gone")
    with MjpegClient(f"{api.url}{STREAM}?quality=77") as client:
        assert client.next_part().online


def test_snapshots_of_any_number_of_sizes_leave_the_streams_their_turns(service: Services) -> None:
    api = service.both("pattern://1280x720@15", api__workers=1)
    viewer = Viewer(api.url + STREAM)
    all_see([viewer], 15)

    def snapshot(number: int) -> int:
        query = f"?quality={20 + number % 60}&width={320 + 2 * number}"
        return get(f"{api.url}/stream/video/frame{query}", timeout_s=60.0)[0]

    began, seen = time.monotonic(), viewer.newest()
    with ThreadPoolExecutor(200) as pool:
        codes = list(pool.map(snapshot, range(200)))
    took_s = time.monotonic() - began
    frames = viewer.frames_after(seen)
    log.info("200 snapshots in %.1f s, the stream at %.1f of 15 fps", took_s, frames / took_s)
    viewer.leave()
    assert codes == [200] * 200
    assert frames >= 0.5 * 15 * took_s, "the stream has every second turn at least"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One API for all requests that are none."""
    services = Services(tmp_path_factory.mktemp("requests"), "test-requests-that-are-none")
    try:
        yield services.both(api__workers=1)
    finally:
        services.stop()


def answers(api: Api, sent: bytes) -> list[int]:
    """Send bytes and say with which codes they are answered before the connection is closed."""
    received = b""
    with connect(api) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        with contextlib.suppress(ConnectionError):
            while more := connection.recv(65_536):
                received += more
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


HEALTH: Final = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
SMUGGLED: Final = b"GET /stream/video/status HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (HEALTH + b"X-Long: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (HEALTH + b"".join(b"X-%d: 1\r\n" % n for n in range(100)) + b"\r\n", 431),
        (HEALTH + b"Content-Length: 65537\r\n\r\n", 413),
        (HEALTH + b"Content-Length: 99999999999\r\n\r\n" + b"x" * 100_000, 413),
        (HEALTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 411),
    ],
    ids=["line", "field", "fields", "body", "large body", "chunked"],
)
def test_request_beyond_the_limits_is_refused_and_the_connection_closed(
    api: Api, sent: bytes, code: int
) -> None:
    got = answers(api, sent)
    # the kernel may throw the answer away together with a body that nobody has read
    assert got == [code] or (got == [] and len(sent) > 65_536)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
        b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
        b"Content-Length: 0, 44\r\n\r\n",
        b"Content-Length: +0\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 0x0\r\n\r\n",
        b"Content-Length:\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked, identity\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n\r\n",
        b"X: 1\r\n Transfer-Encoding: chunked\r\n\r\n",
        b"X: 1\n\n",
        b"X: 1\nTransfer-Encoding: chunked\r\n\r\n",
        b"X\x00: 1\r\n\r\n",
        b"X: a\x00b\r\n\r\n",
        b"Host: 127.0.0.1\r\n\r\n",
        b"Content Length: 44\r\n\r\n",
    ],
)
def test_request_that_could_be_read_in_two_ways_gets_one_answer_at_most(
    api: Api, head: bytes
) -> None:
    got = answers(api, HEALTH + head + SMUGGLED)
    assert len(got) <= 1
    assert not got or got[0] >= 400


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n",
        b"GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT x:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"\x00" * 10_000,
        b"\r\n" * 5000,
        b"GET /stream/video/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ],
)
def test_whatever_comes_first_is_answered_once_at_most(api: Api, sent: bytes) -> None:
    assert len(answers(api, sent + SMUGGLED)) <= 1
    assert api.answers("/healthz") == 200


def test_requests_one_after_the_other_are_still_answered(api: Api) -> None:
    small = b"Content-Length: 5\r\n\r\nhello"
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert answers(api, HEALTH + small + HEALTH + b"\r\n" + last) == [200, 200, 200]
    assert "Traceback" not in api.said()
