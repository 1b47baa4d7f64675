"""Real TCP connections over loopback."""

from __future__ import annotations

import concurrent.futures
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from services.api.connection import Connection, hung_up
from services.api.part import BytesPart, FilePart
from tests.support.processes import wait_until
from tests.support.tls import make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A server's end and a client's end with small buffers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    with server, client:
        yield server, client


FILLING = FilePart([bytes(65536)])
Pair = tuple[socket.socket, socket.socket]


def test_idle_client_is_not_gone_and_talking_is_no_leaving(pair: Pair) -> None:
    server, client = pair
    connection = Connection(server, 5.0)
    assert not connection.gone()
    client.sendall(b"hello")
    wait_until(lambda: not connection.gone(), "the bytes to be thrown away")
    assert not connection.gone()


def test_client_that_closes_is_gone(pair: Pair) -> None:
    server, client = pair
    connection = Connection(server, 5.0)
    client.close()
    wait_until(connection.gone, "the end to arrive")


def test_client_that_resets_is_gone(pair: Pair) -> None:
    server, client = pair
    connection = Connection(server, 5.0)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()
    wait_until(connection.gone, "the reset to arrive")


def test_client_that_hung_up_is_noticed_without_reading_what_it_sent(pair: Pair) -> None:
    server, client = pair
    server.settimeout(7.0)
    assert not hung_up(server)
    client.sendall(b"x")
    assert server.recv(1, socket.MSG_PEEK) == b"x"
    assert not hung_up(server)
    assert server.gettimeout() == 7.0
    assert server.recv(1) == b"x"
    client.close()
    wait_until(lambda: hung_up(server), "the end to arrive")


def test_connection_that_was_reset_is_hung_up(pair: Pair) -> None:
    server, client = pair
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()
    wait_until(lambda: hung_up(server), "the reset to arrive")


def test_what_a_slow_client_has_not_taken_is_seen(pair: Pair) -> None:
    server, client = pair
    connection = Connection(server, 5.0)
    assert connection.unsent() == 0
    taken = 1
    while taken:
        taken = connection.send(FILLING, 0, 65536)
    assert connection.unsent() > 0
    client.settimeout(5.0)
    while connection.unsent() > 0:
        client.recv(65536)


def test_waiting_for_room_ends_with_the_time_or_the_room(pair: Pair) -> None:
    server, client = pair
    connection = Connection(server, 5.0)
    while connection.send(FILLING, 0, 65536):
        continue
    connection.wait_writable(0.01)
    assert connection.send(FILLING, 0, 1) == 0
    client.settimeout(5.0)
    while connection.send(FILLING, 0, 1) == 0:
        client.recv(65536)
        connection.wait_writable(0.05)


def test_socket_is_given_back_as_it_was(pair: Pair) -> None:
    server, _ = pair
    server.settimeout(7.0)
    connection = Connection(server, 5.0)
    assert server.gettimeout() == 0.0
    assert server.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 6000
    connection.release()
    assert server.gettimeout() == 7.0


def test_dead_connection_can_be_given_back(pair: Pair) -> None:
    server, _ = pair
    connection = Connection(server, 5.0)
    server.close()
    connection.release()
    with pytest.raises(OSError, match="closed"):
        connection.unsent()


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS of a server with a certificate of its own signing, and of a client that takes any."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    make_certificate(key, certificate)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    server.load_cert_chain(certificate, key)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    return server, client


@pytest.fixture
def secured(
    pair: Pair, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """The same two ends after the handshake."""
    (ours, theirs), (server, client) = pair, contexts
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        shaking = pool.submit(client.wrap_socket, theirs)
        secured = server.wrap_socket(ours, server_side=True)
    with secured, shaking.result() as reader:
        yield secured, reader


Secured = tuple[ssl.SSLSocket, ssl.SSLSocket]


def test_tls_client_that_reads_late_gets_every_byte_of_the_part(secured: Secured) -> None:
    server, client = secured
    connection, received, at = Connection(server, 5.0), b"", 7
    data = bytes(range(256)) * 1000
    part = FilePart([data])
    client.settimeout(5.0)
    while at < len(data):
        taken = connection.send(part, at, len(data))
        at += taken
        if taken == 0:
            assert connection.unsent() > 0
            received += client.recv(3001)
    while len(received) < len(data) - 7:
        received += client.recv(65_536)
    assert received == data[7:]


def test_tls_client_that_is_idle_or_talks_is_not_gone(secured: Secured) -> None:
    server, client = secured
    connection = Connection(server, 5.0)
    assert not connection.gone()
    client.sendall(b"hello")
    wait_until(lambda: not connection.gone(), "the bytes to be thrown away")
    assert not hung_up(server)
    client.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: hung_up(server), "the end to arrive")
    assert connection.gone()
    server.close()
    assert hung_up(server)


def test_what_the_client_says_is_read_without_waiting(pair: Pair) -> None:
    server, client = pair
    connection = Connection(server, 5.0)
    assert connection.receive(100) is None
    client.sendall(b"hello")
    connection.wait_readable(5.0)
    assert connection.receive(4) == b"hell"
    assert connection.receive(4) == b"o"
    connection.wait_readable(0.01)
    assert connection.receive(3) is None
    client.shutdown(socket.SHUT_WR)
    connection.wait_readable(5.0)
    assert connection.receive(3) == b""


def test_pieces_go_out_one_after_the_other_and_the_rest_is_given_back(pair: Pair) -> None:
    server, client = pair
    connection = Connection(server, 5.0)
    small = BytesPart([b"header"])
    rest = connection.write(((small, 1, 4), (FILLING, 0, 10), (small, 0, 6)))
    assert rest == ()
    assert client.recv(100) == b"ead" + bytes(10) + b"header"
    pieces = ((FILLING, 0, 65_536),) * 40 + ((small, 0, 6),)
    rest = connection.write(pieces)
    assert 1 < len(rest) <= 41
    assert rest[-1] == pieces[-1]
    assert rest[1:] == pieces[-len(rest) + 1 :]


def test_tls_record_that_was_read_in_part_is_not_waited_for(secured: Secured) -> None:
    server, client = secured
    connection = Connection(server, 10.0)
    client.sendall(bytes(10_000))
    received = 0
    while received < 10_000:
        connection.wait_readable(100.0)  # longer than the watchdog of tests allows
        received += len(connection.receive(1000) or b"")
    assert received == 10_000
