"""Repeats become one line a second; the first and whatever differs is always written."""

from __future__ import annotations

import io
import logging
import os

import pytest

from shared.repeats import EACH, FoldingHandler
from shared.request_context import bind, release


class Log:
    """A logger with a handler whose clock stands until it is set."""

    def __init__(self) -> None:
        self.now = 100.0
        self.stream = io.StringIO()
        self.handler = FoldingHandler(self.stream, clock=lambda: self.now)
        self.handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))

    def say(self, message: str, *arguments: object, level: int = logging.WARNING) -> None:
        record = logging.LogRecord("a", level, __file__, 1, message, arguments, None)
        self.handler.handle(record)

    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def log() -> Log:
    return Log()


def test_repeats_are_one_line_at_the_next_event_after_a_second(log: Log) -> None:
    for _ in range(199):
        log.say("cannot %s", "notify")
    log.now += 0.5
    log.say("cannot %s", "notify")
    assert log.lines() == ["WARNING cannot notify"]
    log.now += 0.5
    log.say("something else")
    assert log.lines()[1:] == [
        "WARNING cannot notify (x 199 more in 0.5 s)",
        "WARNING something else",
    ]


def test_a_flood_is_one_line_a_second(log: Log) -> None:
    for _ in range(50):
        log.say("flood")
        log.now += 0.125
    log.handler.close()
    told = [line.partition("(x ")[2].partition(" ")[0] for line in log.lines()[1:]]
    assert log.lines()[0] == "WARNING flood"
    assert told == ["7", "8", "8", "8", "8", "8", "2"]


def test_different_events_are_never_hidden(log: Log) -> None:
    for number in range(300):
        log.say("event %d", number)
    log.say("event 299", level=logging.ERROR)
    assert len(log.lines()) == 301


def test_what_was_folded_is_written_when_logging_ends(log: Log) -> None:
    log.say("last words")
    log.say("last words")
    log.handler.close()
    log.handler.close()
    assert log.lines() == ["WARNING last words", "WARNING last words (x 1 more in 0.0 s)"]


def test_a_single_event_has_no_second_line(log: Log) -> None:
    log.say("once")
    log.now += 5
    log.say("once")
    log.handler.close()
    assert log.lines() == ["WARNING once", "WARNING once"]


def test_what_does_not_fit_into_the_memory_is_written_with_its_count(log: Log) -> None:
    log.say("first")
    log.say("first")
    for number in range(128):
        log.say("event %d", number)
    assert "WARNING first (x 1 more in 0.0 s)" in log.lines()


def test_begins_of_different_requests_are_different_events_but_warnings_are_not(log: Log) -> None:
    for request in ("a", "b"):
        bind(request_id=request)
        log.say("a client has come", level=logging.INFO)
        log.say("no room")
    release()
    assert log.lines().count("INFO a client has come") == 2
    assert log.lines().count("WARNING no room") == 1


def test_a_child_does_not_write_what_its_parent_has_counted(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.say("before the fork")
    log.say("before the fork")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    log.say("of the child")
    log.handler.close()
    assert log.lines() == ["WARNING before the fork", "WARNING of the child"]


def test_records_whose_lines_somebody_counts_are_all_written(log: Log) -> None:
    for _ in range(3):
        record = logging.LogRecord("a", logging.WARNING, __file__, 1, "refused", (), None)
        record.__dict__.update(EACH)
        log.handler.handle(record)
    assert log.lines() == 3 * ["WARNING refused"]
