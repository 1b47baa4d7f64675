"""A configuration file that changes, is half written, is wrong, is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.supervisor.changes import Changes
from shared.settings_inputs import CONFIG_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text("{}", encoding="utf-8")
    return path


@pytest.fixture
def changes(file: Path) -> Changes:
    return Changes({CONFIG_VARIABLE: str(file)})


def test_nothing_is_new_as_long_as_the_file_is_the_same(changes: Changes, file: Path) -> None:
    assert changes.look() is None
    file.touch()
    assert changes.look() is None
    assert changes.look() is None


def test_a_change_is_read_once_it_has_settled(changes: Changes, file: Path) -> None:
    file.write_text('{"api.port": 1}', encoding="utf-8")
    assert changes.look() is None, "it may be half written"
    file.write_text('{"api.port": 12}', encoding="utf-8")
    assert changes.look() is None, "it is still being written"
    settings = changes.look()
    assert settings is not None
    assert settings.api.port == 12
    assert changes.look() is None


def test_wrong_settings_are_told_once_and_change_nothing(
    changes: Changes, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text('{"api.port": -1, "api.prt": 1}', encoding="utf-8")
    assert [changes.look() for _ in range(4)] == [None] * 4
    assert [line.split(" ")[0] for line in caplog.messages] == ["api.port", "api.prt"]
    assert all(line.endswith(". What was valid before stays so") for line in caplog.messages)


def test_a_file_that_is_gone_for_a_while_is_no_change(changes: Changes, file: Path) -> None:
    file.unlink()
    assert [changes.look() for _ in range(3)] == [None] * 3
    file.write_text("{}", encoding="utf-8")
    assert [changes.look() for _ in range(3)] == [None] * 3
