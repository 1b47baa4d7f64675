"""One log format: what a line says, for people and for machines."""

from __future__ import annotations

import json
import logging
import logging.config
import os
import sys
from typing import TYPE_CHECKING

import pytest

from shared.logs import configure_logging, logging_config, make_formatter

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
