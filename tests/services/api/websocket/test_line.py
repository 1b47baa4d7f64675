"""The outgoing half of a connection, at the other end of a real one."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import gevent
import pytest

from services.api.connection import Connection
from services.api.part import BytesPart
from services.api.websocket.line import Line
from tests.support.greenlets import let_run, turns_until
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.api.part import Pieces
    from tests.conftest import Clock


class Sender:
    """One that waits for the line, and counts how often it is called."""

    def __init__(self) -> None:
        self.called = 0

    def call(self) -> None:
        self.called += 1


class Bench:
    """A line, and its client's socket."""

    def __init__(self, clock: Clock) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client = socket.socket()
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.client.connect(listener.getsockname())
            self.server, _ = listener.accept()
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        self.client.settimeout(5.0)
        self.line = Line(Connection(self.server, 10.0), 10.0, clock)
        self.writer = gevent.spawn(self.line.run)

    def close(self) -> None:
        self.line.fail("over")
        self.writer.join()
        self.client.close()
        self.server.close()

    def read(self, size_bytes: int) -> bytes:
        """What the client gets, while the line's greenlet runs."""
        data = bytearray()
        self.client.settimeout(0.05)

        def more() -> bool:
            let_run()
            try:
                data.extend(self.client.recv(size_bytes - len(data)))
            except TimeoutError:
                return False
            return len(data) >= size_bytes

        wait_until(more, f"{size_bytes} bytes", 10.0)
        return bytes(data)


def pieces(data: bytes) -> Pieces:
    part = BytesPart([data])
    return ((part, 0, part.size_bytes),)


@pytest.fixture
def bench(clock: Clock) -> Iterator[Bench]:
    bench = Bench(clock)
    yield bench
    bench.close()


def test_words_never_stand_inside_a_picture(bench: Bench) -> None:
    one = Sender()
    assert bench.line.free_for(one)
    bench.line.send(one, pieces(b"p" * 500_000))
    bench.line.say(b"word")
    assert not bench.line.idle
    assert bench.read(500_004) == b"p" * 500_000 + b"word"
    wait_until(lambda: bench.line.idle, "everything sent")


def test_who_waited_is_served_in_turn(bench: Bench) -> None:
    first, second, third = Sender(), Sender(), Sender()
    assert bench.line.free_for(first)
    bench.line.send(first, pieces(b"p" * 500_000))
    for one in (second, third, first, second):
        assert not bench.line.free_for(one)
    bench.read(500_000)
    bench.line.look()
    assert (second.called, third.called, first.called) == (1, 0, 0)
    assert not bench.line.free_for(first), "it is another's turn"
    assert bench.line.free_for(second)
    bench.line.send(second, pieces(b"q"))
    bench.read(1)
    bench.line.look()
    assert (third.called, first.called) == (1, 0)
    assert bench.line.free_for(third)


def test_turn_that_is_not_taken_goes_on_after_a_moment(bench: Bench, clock: Clock) -> None:
    first, second = Sender(), Sender()
    bench.line.send(first, pieces(b"p" * 500_000))
    assert not bench.line.free_for(second)
    assert not bench.line.free_for(first)
    bench.read(500_000)
    bench.line.look()
    assert second.called == 1
    clock.advance(0.1)
    assert bench.line.free_for(first)


def test_who_has_gone_waits_no_more(bench: Bench) -> None:
    first, second = Sender(), Sender()
    bench.line.send(first, pieces(b"p" * 500_000))
    assert not bench.line.free_for(second)
    bench.line.forget(second)
    bench.line.forget(second)
    bench.read(500_000)
    assert bench.line.free_for(first)
    assert second.called == 0


def test_client_that_takes_nothing_is_given_up(bench: Bench, clock: Clock) -> None:
    one = Sender()
    bench.line.send(one, pieces(b"p" * 500_000))
    let_run(0.3)
    clock.advance(9.0)
    let_run(0.3)
    assert bench.line.failed == ""
    clock.advance(11.0)
    turns_until(lambda: bench.line.failed != "", "the end")
    assert bench.line.failed == "the client took nothing for 10 s"
    assert not bench.line.free_for(one)


def test_who_says_too_much_is_asked_no_more(bench: Bench) -> None:
    bench.line.send(Sender(), pieces(b"p" * 500_000))
    assert not bench.line.backlogged
    for _ in range(20):
        bench.line.say(b"w" * 4096)
    assert [bench.line.backlogged] == [True]
    bench.read(500_000 + 20 * 4096)
    assert not bench.line.backlogged


def test_client_that_left_fails_the_line(bench: Bench) -> None:
    bench.client.close()
    one = Sender()

    def failed() -> bool:
        if not bench.line.failed and bench.line.idle:
            bench.line.send(one, pieces(b"p" * 100_000))
        let_run()
        return bench.line.failed != ""

    wait_until(failed, "the line to fail")
    assert bench.line.failed == "the client has left"
    bench.line.say(b"anybody there?")
    assert bench.line.failed == "the client has left"
