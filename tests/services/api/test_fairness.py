"""Servers on one listener, as gunicorn's workers have it; here two of them on one hub."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from gevent import socket
from gevent.event import Event
from gevent.pool import Pool

from services.api.fairness import FairServer
from services.api.ledger import Ledger
from services.api.lifecycle import Lifecycle
from tests.support.greenlets import let_run, turns_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.api.ledger import Place


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(200)
        listener.settimeout(0.0)
        yield listener


class Worker:
    """A server whose connections stay until the end.

    Attributes:
        end: Set it, and all connections end.
    """

    def __init__(self, listener: socket.socket, place: Place, *, draining: bool = False) -> None:
        self.end = Event()
        self.pool = Pool(1000)
        self.lifecycle = Lifecycle(spread_s=60.0)
        self.lifecycle.attend(SimpleNamespace(alive=not draining))
        own = socket.socket(fileno=listener.dup().detach())
        self.server = FairServer(
            own, place=place, lifecycle=self.lifecycle, handle=self._handle, spawn=self.pool
        )
        self.server.max_accept = 1  # so does gunicorn

    def _handle(self, _client: socket.socket, _address: object) -> None:
        self.end.wait()

    def close(self) -> None:
        self.end.set()
        self.server.stop()


def test_worker_that_comes_later_catches_up_before_the_other_gets_more(
    listener: socket.socket,
) -> None:
    ledger = Ledger()
    with contextlib.ExitStack() as stack:

        def connect(count: int) -> None:
            for _ in range(count):
                client = socket.create_connection(listener.getsockname())
                stack.callback(client.close)

        first = stack.enter_context(contextlib.closing(Worker(listener, ledger.take())))
        first.server.start()
        connect(20)
        turns_until(lambda: len(first.pool) == 20, "the only worker to take all")
        second = stack.enter_context(contextlib.closing(Worker(listener, ledger.take())))
        second.server.start()
        connect(20)
        turns_until(lambda: len(first.pool) + len(second.pool) == 40, "all to be accepted")
        assert abs(len(first.pool) - len(second.pool)) <= 6


def test_worker_is_known_before_its_first_connection(listener: socket.socket) -> None:
    ledger = Ledger()
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(contextlib.closing(Worker(listener, ledger.take())))
        other = ledger.take()
        other.note(9)
        assert other.fewest() == 0
        first.server.start()


def test_worker_whose_clients_have_left_is_known_to_have_none(listener: socket.socket) -> None:
    ledger = Ledger()
    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(contextlib.closing(Worker(listener, ledger.take())))
        worker.server.start()
        for _ in range(3):
            client = socket.create_connection(listener.getsockname())
            stack.callback(client.close)
        turns_until(lambda: len(worker.pool) == 3, "all to be accepted")
        worker.end.set()
        turns_until(
            lambda: not worker.pool and max(ledger.connections) == 1, "the ledger to say so"
        )


def test_worker_that_hangs_costs_the_others_a_moment_only(listener: socket.socket) -> None:
    ledger = Ledger()
    ledger.take().note(0)  # and never looks at the listener
    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(contextlib.closing(Worker(listener, ledger.take())))
        worker.server.start()
        for _ in range(20):
            client = socket.create_connection(listener.getsockname())
            stack.callback(client.close)
        turns_until(lambda: len(worker.pool) == 20, "all to be accepted all the same")


def test_worker_takes_several_connections_at_one_look(listener: socket.socket) -> None:
    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(contextlib.closing(Worker(listener, Ledger().take())))
        for _ in range(5):
            client = socket.create_connection(listener.getsockname())
            stack.callback(client.close)
        worker.server.start()
        turns_until(lambda: bool(worker.pool), "the first look")
        assert len(worker.pool) == 5


def test_worker_that_leaves_accepts_only_where_nobody_else_does(listener: socket.socket) -> None:
    ledger = Ledger()
    with contextlib.ExitStack() as stack:

        def connect(count: int) -> None:
            for _ in range(count):
                client = socket.create_connection(listener.getsockname())
                stack.callback(client.close)

        leaving = stack.enter_context(contextlib.closing(Worker(listener, ledger.take())))
        leaving.server.start()
        leaving.lifecycle.leave()
        connect(5)
        turns_until(lambda: len(leaving.pool) == 5, "the only worker to take all")
        other = stack.enter_context(contextlib.closing(Worker(listener, ledger.take())))
        other.server.start()
        connect(5)
        turns_until(lambda: len(other.pool) == 5, "the other one to take all")
        assert len(leaving.pool) == 5


def test_worker_that_shuts_down_leaves_what_comes_to_the_others(listener: socket.socket) -> None:
    ledger = Ledger()
    with contextlib.ExitStack() as stack:
        ending = stack.enter_context(
            contextlib.closing(Worker(listener, ledger.take(), draining=True))
        )
        ending.server.start()
        for _ in range(5):
            client = socket.create_connection(listener.getsockname())
            stack.callback(client.close)
        let_run(0.05)
        assert not ending.pool
        other = stack.enter_context(contextlib.closing(Worker(listener, ledger.take())))
        other.server.start()
        turns_until(lambda: len(other.pool) == 5, "the other one to take all")
