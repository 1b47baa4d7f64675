"""One log format for every process: readable lines, or one JSON object per line, by structlog.

What is logged with ``logging`` goes through structlog's formatter, whoever logs it: with the
request it belongs to, values given as ``extra={…}``, and nothing that could read like a line of
its own. Needs the extra ``logs`` (structlog).
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

import structlog

from .repeats import FoldingHandler
from .request_context import bound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structlog.typing import EventDict, Processor

__all__ = ["configure_logging", "log_start", "logging_config", "make_formatter"]

LogFormat = Literal["text", "json"]

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What could begin a new line, or command a terminal."""

_FACTS: Final = "start"
"""The attribute of a record that holds the facts of a start."""


def log_start(log: logging.Logger, what: str, facts: Mapping[str, object]) -> None:
    """Log how a service starts: one event; as text a block of aligned lines.

    Args:
        log: Whose.
        what: Which service starts.
        facts: Name to value, in the order to be read.
    """
    log.info("%s starts", what, extra={_FACTS: dict(facts)})


def make_formatter(
    log_format: LogFormat, always: Mapping[str, object] | None = None
) -> logging.Formatter:
    """The formatter of a ``logging.format`` setting.

    Args:
        log_format: ``text`` or ``json``.
        always: Names and values that every line bears.
    """
    gather: list[Processor] = [structlog.stdlib.ExtraAdder(), partial(_about, dict(always or {}))]
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    lay_out = _json if log_format == "json" else _text
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=gather,
        processors=[remove, lay_out],
    )


def configure_logging(
    level: str, log_format: LogFormat, always: Mapping[str, object] | None = None
) -> None:
    """Send all records of this process to standard error, once.

    Args:
        level: ``DEBUG``, ``INFO``, ``WARNING``, ``ERROR`` or ``CRITICAL``.
        log_format: ``text`` or ``json``.
        always: Names and values that every line bears: which camera's process it is.
    """
    handler = FoldingHandler(sys.stderr)
    handler.setFormatter(make_formatter(log_format, always))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def logging_config(level: str, log_format: LogFormat) -> dict[str, object]:
    """The same as a ``logging.config.dictConfig`` dictionary, for gunicorn's ``logconfig_dict``."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"{__name__}.make_formatter", "log_format": log_format}},
        "handlers": {
            "stderr": {
                "()": FoldingHandler,
                "formatter": "line",
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": {"level": level, "handlers": [], "propagate": True},
            "gunicorn.access": {"level": level, "handlers": [], "propagate": True},
        },
    }


def _about(
    always: dict[str, object],
    logger: Any,  # noqa: ANN401 - structlog's
    method: str,
    event: EventDict,
) -> EventDict:
    """What every line says beside its message, in the order of the fields."""
    del logger, method
    record: logging.LogRecord = event.pop("_record")
    told = event.pop("event")
    about = {
        "created": record.created,
        "level": record.levelname,
        "process": record.process,
        "logger": record.name,
        "message": told,
        **always,
        **bound(),
    }
    error = event.pop("exc_info", None)
    if error:
        about["traceback"] = logging.Formatter().formatException(error)
    return {"_record": record, **about, **event}


def _json(logger: Any, method: str, event: EventDict) -> str:  # noqa: ANN401 - structlog's
    del logger, method
    moment = dt.datetime.fromtimestamp(event.pop("created"), tz=dt.UTC)
    facts = event.pop(_FACTS, {})
    entry = {"time": moment.isoformat(timespec="milliseconds"), **event, **facts}
    line = json.dumps(entry, ensure_ascii=False, default=str)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def _text(logger: Any, method: str, event: EventDict) -> str:  # noqa: ANN401 - structlog's
    del logger, method
    moment = dt.datetime.fromtimestamp(event.pop("created"))  # noqa: DTZ006 - people's own time
    facts, traceback = event.pop(_FACTS, {}), event.pop("traceback", "")
    level, process, name = event.pop("level"), event.pop("process"), event.pop("logger")
    time = f"{moment:%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03d}"
    event.pop("repeats", None)  # stands in the message
    message = _escaped(event.pop("message"))
    values = "".join(f" {key}={_escaped(value)}" for key, value in event.items())
    lines = [f"{time} {level:7} {process} {name}: {message}{values}"]
    width = max(map(len, facts), default=0)
    lines += [f"    {key:{width}}  {_escaped(value)}" for key, value in facts.items()]
    lines += [f"    {_escaped(line)}" for line in traceback.split("\n") if line]
    return "\n".join(lines)


def _escaped(value: object) -> str:
    """On one line, whatever it is."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], str(value))
