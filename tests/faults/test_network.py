"""Clients that are slow, silent or gone, in every way a network knows."""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import psutil
import pytest

from tests.support.audience import Viewer, all_see
from tests.support.network import in_own_network, vanish
from tests.support.processes import Api, Services, wait_until
from tests.support.streams import STREAM, status
from tests.support.tls import make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e, pytest.mark.timeout(120)]

log = logging.getLogger("measured")

HEALTH: Final = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
AT_ONCE: Final = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Both services, for clients that only waste their own time."""
    services = Services(tmp_path_factory.mktemp("network"), "test-clients-of-all-kinds")
    try:
        yield services.both(api__workers=1)
    finally:
        services.stop()


def connect(api: Api, source: str = "127.0.0.1", receive_bytes: int = 0) -> socket.socket:
    """A connection from one of this machine's addresses; a small buffer makes a slow reader."""
    address = urlsplit(api.url)
    connection = socket.socket()
    connection.settimeout(30.0)
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.bind((source, 0))
    connection.connect((address.hostname, address.port))
    return connection


def abort(connection: socket.socket) -> None:
    """Close with a reset, as a killed browser tab does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    connection.close()


def drain(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while more := connection.recv(65_536):
            received += more
    return received


def drip(connection: socket.socket, data: bytes, every_s: float = 0.5) -> int:
    """Send byte by byte until the server closes the connection; says how many it took."""
    connection.settimeout(every_s)
    for count, byte in enumerate(data):
        try:
            connection.sendall(bytes([byte]))
            if not connection.recv(65_536):
                return count
        except TimeoutError:
            continue
        except ConnectionError:
            return count
    return len(data)


def connections(api: Api) -> int:
    """How many clients' sockets the only worker holds."""
    known = {psutil.CONN_ESTABLISHED, psutil.CONN_CLOSE_WAIT}
    return sum(each.status in known for each in api.worker().net_connections("tcp"))


def test_client_that_sends_request_upon_request_stops_nobody(running: Api) -> None:
    """It reads the answers too, so that gevent never has to wait for it."""
    many = (HEALTH + b"\r\n") * 200
    over = threading.Event()
    viewer = Viewer(running.url + STREAM)
    pipeline = connect(running)

    def send() -> None:
        with contextlib.suppress(OSError):
            while not over.is_set():
                pipeline.sendall(many)

    answers = 0
    sender = threading.Thread(target=send, daemon=True)
    try:
        before = viewer.newest()
        sender.start()
        until = time.monotonic() + 3.0
        while time.monotonic() < until:
            answers += pipeline.recv(1 << 20).count(b"HTTP/1.1 200")
        seen = viewer.frames_after(before)
    finally:
        over.set()
        abort(pipeline)
        sender.join(10.0)
        viewer.leave()
    log.info("%d answers to one client in 3 s, %d frames beside it", answers, seen)
    assert answers > 100
    assert seen >= 45, "of 90 at 30 fps"


def test_client_that_sends_nothing_is_let_go(running: Api) -> None:
    began = time.monotonic()
    with connect(running) as silent:
        assert drain(silent) == b""
    log.info("silent client: let go after %.1f s", time.monotonic() - began)
    assert "Traceback" not in running.said()


@pytest.mark.parametrize("path", [b"/healthz", b"/stream/video"])
def test_client_that_sends_a_byte_now_and_then_is_let_go(running: Api, path: bytes) -> None:
    request = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    began = time.monotonic()
    with connect(running) as slow:
        assert drip(slow, request) < len(request)
    log.info("a byte per half second: let go after %.1f s", time.monotonic() - began)


def test_body_that_comes_a_byte_now_and_then_holds_nothing_up(running: Api) -> None:
    began = time.monotonic()
    with connect(running) as slow:
        slow.sendall(HEALTH + b"Content-Length: 60000\r\n\r\n")
        assert slow.recv(12) == b"HTTP/1.1 200", "nobody waits for a body"
        assert drip(slow, bytes(60)) < 60
    log.info("slow body: let go after %.1f s", time.monotonic() - began)


def test_client_that_does_not_begin_tls_is_let_go(service: Services, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make_certificate(key, certificate)
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "services/api/gunicorn.conf.py"]
    command = [*gunicorn, f"--certfile={certificate}", f"--keyfile={key}"]
    api = Api(command, service.environment({"api.port": 0}), service.log("api"))
    service.children.append(api)
    api.url = api.wait_for_log(r"Listening at: (https://\S+)").group(1)
    began = time.monotonic()
    with connect(api) as silent:
        assert drain(silent) == b""
    log.info("no TLS handshake: let go after %.1f s", time.monotonic() - began)
    with connect(api) as plain:
        plain.sendall(HEALTH + b"\r\n")
        assert b"200" not in drain(plain)
    assert "Traceback" not in api.said()


def test_client_that_reads_nothing_of_a_snapshot_is_let_go(service: Services) -> None:
    service.video("pattern://1920x1080@10")
    api = service.api(api__workers=1, api__stream__stall_timeout_sec=1.0).wait_ready()
    greedy = []
    for _ in range(5):
        client = connect(api, receive_bytes=4096)
        client.sendall(b"GET /stream/video/frame?quality=100 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        greedy.append(client)
    began = time.monotonic()
    wait_until(lambda: connections(api) == 5, "the requests")
    wait_until(lambda: connections(api) == 0, "the connections to be given up", 15.0)
    log.info("nothing read of a snapshot: let go after %.1f s", time.monotonic() - began)
    for client in greedy:
        client.close()
    assert "Traceback" not in api.said()
    assert "ERROR" not in api.said()


def test_client_that_vanishes_is_ended_and_the_others_notice_nothing(service: Services) -> None:
    in_own_network(lambda: watch_a_client_vanish(service))


def watch_a_client_vanish(service: Services) -> None:
    api = service.both(api__workers=1, api__stream__stall_timeout_sec=2.0)
    viewer = Viewer(api.url + STREAM)
    before = api.worker().num_fds()
    gone = [connect(api, "127.0.0.9") for _ in range(3)]
    for client in gone:
        client.sendall(f"GET {STREAM} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.0 200"
    wait_until(lambda: status(api)["clients_total"] == 4, "all streams to run")
    vanish("127.0.0.9")  # no FIN, no RST, no ACK: as if the cable were pulled
    began, seen = time.monotonic(), viewer.newest()
    wait_until(lambda: status(api)["clients_total"] == 1, "the others to be forgotten")
    took_s = time.monotonic() - began
    log.info("vanished client: ended after %.1f s", took_s)
    wait_until(lambda: api.worker().num_fds() <= before, "their descriptors to be free")
    assert viewer.frames_after(seen) >= 0.6 * 30 * took_s
    viewer.leave()
    for client in gone:
        client.close()
    assert "Traceback" not in api.said()
    assert "ERROR" not in api.said()


def misbehave(api: Api, kind: int) -> None:
    """Come, do something that is of no use to anybody, and go."""
    client = connect(api)
    with contextlib.suppress(ConnectionError):
        if kind in {1, 2}:
            client.sendall(HEALTH)  # half a request
        if kind in {3, 4, 5}:
            client.sendall(f"GET {STREAM} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        if kind in {4, 5}:
            client.recv(100)
    abort(client) if kind % 2 else client.close()


def churn(service: Services, seconds: float, per_second: float) -> None:
    api = service.both(api__workers=1)
    viewer = Viewer(api.url + STREAM)
    for kind in range(6):
        misbehave(api, kind)
    wait_until(lambda: connections(api) == 1, "the first ones to be gone")
    worker = api.worker()
    before = (worker.num_fds(), worker.num_threads())
    memory_mb = worker.memory_info().rss / 1e6
    began, seen = time.monotonic(), viewer.newest()
    counter, breath = itertools.count(), threading.Event()

    def keep_coming() -> None:
        while (number := next(counter)) < seconds * per_second:
            misbehave(api, number % 6)
            breath.wait(began + number / per_second - time.monotonic())

    threads = [threading.Thread(target=keep_coming) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.monotonic() - began
    frames = viewer.frames_after(seen)
    made = int(seconds * per_second)
    wait_until(lambda: status(api)["clients_total"] == 1, "all streams to be forgotten")
    wait_until(
        lambda: worker.num_fds() <= before[0] and worker.num_threads() <= before[1],
        f"no more descriptors and threads than {before}",
    )
    grown_mb = worker.memory_info().rss / 1e6 - memory_mb
    log.info("%d connections in %.0f s: %.0f per minute", made, took_s, 60 * made / took_s)
    log.info("beside them %.1f of 30 fps; %.1f MB more", frames / took_s, grown_mb)
    assert 60 * made / took_s >= 1000
    assert grown_mb < 30
    assert frames >= 0.8 * 30 * took_s
    all_see([viewer], 30)
    viewer.leave()
    assert "Traceback" not in api.said()


@pytest.mark.slow
def test_many_who_come_and_go_leave_nothing_behind(service: Services) -> None:
    churn(service, seconds=15.0, per_second=40.0)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_thousand_a_minute_for_three_minutes_leave_nothing_behind(service: Services) -> None:
    churn(service, seconds=180.0, per_second=18.0)
