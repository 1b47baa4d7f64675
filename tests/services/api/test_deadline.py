from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gevent
import pytest
from gevent import socket

from services.api import deadline
from tests.support.greenlets import let_run

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_answer_nobody_reads_is_ended(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    environ: dict[str, Any] = {"gunicorn.socket": ours}
    deadline.limit(environ, 60.0)
    deadline.limit(environ, 0.05)
    with gevent.Timeout(10.0), pytest.raises(BrokenPipeError):
        ours.sendall(bytes(10_000_000))


def test_answer_that_was_sent_leaves_the_connection_alone(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    environ: dict[str, Any] = {"gunicorn.socket": ours}
    deadline.limit(environ, 0.01)
    deadline.lift(environ)
    deadline.lift(environ)
    let_run(0.05)
    ours.sendall(b"more")
    assert theirs.recv(10) == b"more"


def test_connection_that_is_closed_already_is_no_error(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = pair
    environ: dict[str, Any] = {"gunicorn.socket": ours}
    deadline.limit(environ, 0.01)
    timer = environ["ringcast.deadline"]
    ours.close()
    timer.get(timeout=5.0)


def test_request_without_a_socket_is_left_alone() -> None:
    environ: dict[str, Any] = {}
    deadline.limit(environ, 0.0)
    assert environ == {}
