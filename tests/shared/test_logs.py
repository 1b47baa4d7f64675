"""One log format: what a line says, for people and for machines."""

from __future__ import annotations

import json
import logging
import logging.config
import os
import sys
from typing import TYPE_CHECKING

import pytest

from shared.logs import configure_logging, log_start, logging_config, make_formatter
from shared.request_context import bind, release

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _root_logger_is_put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("gunicorn.error", "gunicorn.access"):
        logging.getLogger(name).handlers.clear()


def test_a_text_line_names_level_process_and_logger(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "text")
    logging.getLogger("services.video").info("segment %s", "made")

    line = capsys.readouterr().err
    assert line.endswith(f" INFO    {os.getpid()} services.video: segment made\n")


def test_a_json_line_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "json")
    logging.getLogger("shared.ring").warning("two\nlines, «ä»")

    [line] = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert entry["time"].endswith("+00:00")
    del entry["time"]
    assert entry == {
        "level": "WARNING",
        "process": os.getpid(),
        "logger": "shared.ring",
        "message": "two\nlines, «ä»",
    }


def test_a_json_line_carries_the_traceback_inside() -> None:
    line = ""
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed", (), sys.exc_info())
        line = make_formatter("json").format(record)

    assert "\n" not in line
    assert "ZeroDivisionError: division by zero" in json.loads(line)["traceback"]


def test_less_severe_records_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("WARNING", "text")
    logging.getLogger("a").info("unheard")
    assert capsys.readouterr().err == ""


def test_configuring_twice_writes_every_record_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "text")
    configure_logging("INFO", "text")
    logging.getLogger("a").info("heard")
    assert capsys.readouterr().err.count("heard") == 1


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_gunicorns_own_loggers_write_the_same_lines_once(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.config.dictConfig(logging_config("INFO", "json" if log_format == "json" else "text"))
    logging.getLogger("gunicorn.error").info("booting")

    [line] = capsys.readouterr().err.splitlines()
    if log_format == "json":
        assert json.loads(line)["logger"] == "gunicorn.error"
    else:
        assert line.endswith("gunicorn.error: booting")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_line_carries_request_and_given_values(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("INFO", "json" if log_format == "json" else "text")
    bind(request_id="4711")
    logging.getLogger("a").info("heard", extra={"camera": "door"})
    release()
    logging.getLogger("a").info("heard again")

    first, second = capsys.readouterr().err.splitlines()
    if log_format == "json":
        entry = json.loads(first)
        assert (entry["message"], entry["request_id"], entry["camera"]) == ("heard", "4711", "door")
    else:
        assert first.endswith(" a: heard request_id=4711 camera=door")
    assert "request" not in second


def test_a_start_is_a_block_for_people_and_one_event_for_machines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = logging.getLogger("services.video")
    facts = {"version": "1.2.3", "slots": 8}
    configure_logging("INFO", "text")
    log_start(log, "the Video Module", facts)
    first, *block = capsys.readouterr().err.splitlines()
    assert first.endswith(" services.video: the Video Module starts")
    assert block == ["    version  1.2.3", "    slots    8"]

    configure_logging("INFO", "json")
    log_start(log, "the Video Module", facts)
    entry = json.loads(capsys.readouterr().err)
    assert (entry["message"], entry["version"], entry["slots"]) == (
        "the Video Module starts",
        "1.2.3",
        8,
    )


FORGED = "x\n2026-01-01 00:00:00,000 INFO    1 services.api: all is well\r\x1b[2J\u2028\x85y"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_nothing_that_is_logged_begins_a_line_of_its_own(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("INFO", "json" if log_format == "json" else "text")
    logging.getLogger("a").info("asked for %s", FORGED, extra={"why": FORGED})
    text = capsys.readouterr().err
    [line] = text.splitlines()
    assert not any(sign in text for sign in "\r\x1b\u2028\x85")
    if log_format == "json":
        assert json.loads(line)["message"] == f"asked for {FORGED}"


def test_a_traceback_is_indented_whatever_it_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "text")
    try:
        int(FORGED)
    except ValueError:
        logging.getLogger("a").exception("failed")
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.endswith(" ERROR   " + f"{os.getpid()} a: failed")
    assert rest
    assert all(line.startswith("    ") for line in rest)


def test_repeats_are_folded_for_every_logger(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "json")
    for _ in range(200):
        logging.getLogger("a").warning("again")
    logging.getLogger().handlers[0].close()
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first["message"] == "again"
    assert second["message"].startswith("again (x 199 more in ")
    assert second["repeats"] == 199


def test_every_line_bears_what_is_always_so() -> None:
    record = logging.LogRecord("a", logging.INFO, "", 0, "said", (), None)
    assert make_formatter("text", {"camera": "door"}).format(record).endswith("a: said camera=door")
    assert json.loads(make_formatter("json", {"camera": "door"}).format(record))["camera"] == "door"
