from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from services.api import settled
from shared.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file of a process that has read none yet."""
    path = tmp_path / "config.json"
    monkeypatch.setenv("RINGCAST_CONFIG", str(path))
    monkeypatch.setattr(settled, "_last", [])
    return path


def put(config: Path, drain_timeout_sec: object) -> None:
    config.write_text(json.dumps({"api.drain_timeout_sec": drain_timeout_sec}), encoding="utf-8")


def test_what_was_valid_stays_so_when_the_file_is_wrong_by_now(
    config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(config, 3)
    first = settled.settle()
    put(config, "two")
    assert settled.settle() is first
    assert settled.in_force() is first
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "api.drain_timeout_sec 'two': must be 1 to 600" in record.getMessage()
    put(config, 4)
    assert settled.settle().api.drain_timeout_sec == 4
    assert settled.in_force().api.drain_timeout_sec == 4


def test_wrong_ones_are_refused_at_the_start(config: Path) -> None:
    put(config, "two")
    with pytest.raises(ConfigError):
        settled.settle()
    with pytest.raises(ConfigError):
        settled.in_force()


def test_without_an_arbiter_they_are_read_when_asked_for(config: Path) -> None:
    put(config, 5)
    assert settled.in_force().api.drain_timeout_sec == 5
