from __future__ import annotations

import logging
import math
import resource
import signal
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from services.api.lifecycle import (
    Leaving,
    Lifecycle,
    allow_descriptors,
    close_after_large_body,
    close_delimited,
    quieten,
)
from tests.support.greenlets import turns_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Clock


def test_worker_that_is_told_to_end_is_draining() -> None:
    lifecycle, worker = Lifecycle(), SimpleNamespace(alive=True)
    assert not lifecycle.draining()
    lifecycle.attend(worker)
    assert not lifecycle.draining()
    worker.alive = False
    assert lifecycle.draining()


def test_worker_that_leaves_lets_no_stream_begin_and_ends_later(clock: Clock) -> None:
    lifecycle, worker = Lifecycle(clock, spread_s=0.05), SimpleNamespace(alive=True)
    lifecycle.attend(worker)
    lifecycle.check()
    assert lifecycle.turn(0.0) == math.inf
    lifecycle.leave()
    assert lifecycle.leaving()
    lifecycle.check()  # it was asked for before anybody could know
    clock.advance(0.5)
    with pytest.raises(Leaving, match="shutting down"):
        lifecycle.check()
    assert (lifecycle.turn(0.0), lifecycle.turn(1.0)) == pytest.approx((1000.0125, 1000.05))
    assert not lifecycle.draining()
    lifecycle.leave()
    assert lifecycle.turn(0.0) == 1000.0125, "told twice, it begins once"
    turns_until(lambda: not worker.alive, "the end of the worker")
    assert lifecycle.draining()


def test_first_turn_comes_when_who_balances_has_noticed(clock: Clock) -> None:
    lifecycle = Lifecycle(clock, spread_s=60.0)
    lifecycle.leave()
    assert (lifecycle.turn(0.0), lifecycle.turn(1.0)) == (1005.0, 1060.0)


@pytest.mark.parametrize("spread_s", [0.0, 0.05])
def test_sigterm_makes_a_worker_leave_where_that_takes_a_while(spread_s: float) -> None:
    lifecycle, told = Lifecycle(spread_s=spread_s), threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: told.set())
    try:
        lifecycle.leave_at_sigterm()
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert lifecycle.leaving() is bool(spread_s)
    assert told.is_set() is not bool(spread_s), "gunicorn's own way otherwise"


@pytest.mark.parametrize(
    ("path", "endless"),
    [
        ("/stream/video", True),
        ("/stream/video/shm", True),
        ("/stream/garage", True),
        ("/stream/v%69deo", True),
        ("//stream/video", True),
        ("/stream/video%2Fshm", True),
        ("/stream/vid%65o/shm", True),
        ("/behind/a/proxy/stream/video", True),
        ("/stream", True),
        ("/stream/video/raw", True),
        ("/stream/video/shm/raw", True),
        ("/?action=stream", True),
        ("/?t=1&action=stream", True),
        ("/?%61ction=stream", True),
        ("/?action=stream_1", True),
        ("/?action=snapshot", False),
        ("/?action=streams", False),
        ("/page?action=stream", False),
        ("/stream/video/frame/raw", False),
        ("/stream/video/frame", False),
        ("/stream/video/shm/frame", False),
        ("/stream/video/status", False),
        ("/healthz", False),
        ("/", False),
    ],
)
def test_only_endless_answers_are_delimited_by_the_connection(path: str, *, endless: bool) -> None:
    path, _, query = path.partition("?")
    request = SimpleNamespace(path=path, query=query, version=(1, 1), must_close=False)
    close_delimited(request)
    assert request.must_close is endless
    assert request.version == ((1, 0) if endless else (1, 1))


@pytest.fixture
def limits() -> Iterator[tuple[int, int]]:
    """A soft limit of open files below the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, hard))
    yield 500, hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_soft_limit_of_open_files_is_raised_to_the_hard_one(
    limits: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    allow_descriptors(10)
    _, hard = limits
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    assert caplog.text == ""


def test_hard_limit_too_low_for_the_connections_is_said_with_the_number_needed(
    limits: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    _, hard = limits
    allow_descriptors(hard)
    assert f"may open {hard} files, and needs up to {2 * hard + 100}" in caplog.text


def record(message: str, error: BaseException | None) -> logging.LogRecord:
    info = (type(error), error, None) if error is not None else None
    return logging.LogRecord("gunicorn.error", logging.ERROR, __file__, 1, message, (), info)


def test_client_that_vanished_is_no_error_but_everything_else_is() -> None:
    logger = logging.Logger("gunicorn.error")  # noqa: LOG001 - one of our own, not the real one
    quieten(logger)
    quieten(logger)
    assert len(logger.filters) == 1
    vanished = "Socket error processing request."
    assert not logger.filter(record(vanished, TimeoutError(110, "timed out")))
    assert not logger.filter(record(vanished, BrokenPipeError()))
    assert logger.filter(record(vanished, OSError("disk on fire")))
    assert logger.filter(record("Error handling request", TimeoutError()))
    assert logger.filter(record("something else", None))


def test_what_follows_a_websocket_is_no_request() -> None:
    request = SimpleNamespace(path="/ws", query="", version=(1, 1), must_close=False)
    close_delimited(request)
    assert (request.version, request.must_close) == ((1, 1), True)


@pytest.mark.parametrize(
    ("headers", "closed"),
    [
        ([], False),
        ([("HOST", "x"), ("CONTENT-LENGTH", "65536")], False),
        ([("CONTENT-LENGTH", "65537")], True),
        ([("TRANSFER-ENCODING", "chunked")], True),
    ],
)
def test_large_body_closes_the_connection(headers: list[tuple[str, str]], *, closed: bool) -> None:
    request = SimpleNamespace(headers=headers, must_close=False)
    close_after_large_body(request)
    assert request.must_close is closed


def test_garbage_of_clients_is_said_once_a_second_and_not_all_of_it() -> None:
    logger = logging.Logger("gunicorn.error")  # noqa: LOG001 - one of our own, not the real one
    quieten(logger)
    records = [record("Invalid request from ip=192.0.2.7: " + "x" * 9000, None) for _ in range(50)]
    said = [each.getMessage() for each in records if logger.filter(each)]
    assert len(said) == 1
    assert said[0].startswith("Invalid request from ip=192.0.2.7: xxx")
    assert said[0].endswith("x (0 more withheld)")
    assert len(said[0]) < 250


def test_what_gunicorn_quotes_of_a_client_is_not_told() -> None:
    """It could read like a line of ours, and whoever it names would be shut out by fail2ban."""
    lie = "access refused to 198.51.100.7: wrong user or password"
    for quoted in (f"Invalid HTTP Version: '{lie}'", f'Unsupported transfer coding: "{lie}"'):
        logger = logging.Logger("gunicorn.error")  # noqa: LOG001 - one of our own
        quieten(logger)
        complaint = record(f"Invalid request from ip=192.0.2.7: {quoted}", None)
        assert logger.filter(complaint)
        said = complaint.getMessage()
        assert said.startswith("Invalid request from ip=192.0.2.7: ")
        assert "198.51.100.7" not in said
