from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from services.api.access.keyring import Keyring, public_warning
from services.api.access.scopes import Scope
from shared.settings_api import AuthSettings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Clock

OLD, NEW, FIXED = b"old-old-old-old-old", b"new-new-new-new-new", b"fixed-fixed-fixed-fixed"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "credentials"


def write(path: Path, token: bytes) -> None:
    """As an editor or a deployment does: beside, then renamed over."""
    beside = path.with_name("beside")
    beside.write_bytes(b"view token " + token + b"\n")
    beside.chmod(0o600)
    beside.replace(path)


def keyring(path: Path, clock: Clock) -> Keyring:
    settings = {"credentials_file": path, "token": FIXED.decode()}
    return Keyring(AuthSettings.model_validate(settings), clock)


def test_a_new_file_counts_within_a_second_and_the_settings_token_stays(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write(path, OLD)
    keys = keyring(path, clock)
    assert keys.current().by_token(OLD) == Scope.VIEW
    write(path, NEW)
    clock.advance(0.9)
    assert keys.current().by_token(OLD) == Scope.VIEW, "looked at once a second at most"
    clock.advance(0.1)
    assert keys.current().by_token(OLD) == Scope(0)
    assert keys.current().by_token(NEW) == Scope.VIEW
    assert keys.current().by_token(FIXED) == Scope.ADMIN
    assert f"{path} was read anew: 1 tokens, 0 passwords, 0 signing keys" in caplog.text
    assert NEW.decode() not in caplog.text


def test_a_file_that_did_not_change_is_not_read(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, OLD)
    keys = keyring(path, clock)
    keys.current()
    monkeypatch.setattr("services.api.access.keyring.read", None)
    clock.advance(100)
    assert keys.current().by_token(OLD) == Scope.VIEW


def test_a_broken_or_missing_file_changes_nothing_and_is_said_once(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    write(path, OLD)
    keys = keyring(path, clock)
    keys.current()
    path.write_text("view token short-secret\n", encoding="utf-8")
    for _ in range(5):
        clock.advance(1)
        assert keys.current().by_token(OLD) == Scope.VIEW
    path.unlink()
    for _ in range(5):
        clock.advance(1)
        assert keys.current().by_token(OLD) == Scope.VIEW
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 2
    assert "line 1: a token must have at least 16 characters" in errors[0]
    assert "No such file" in errors[1]
    assert "short-secret" not in caplog.text
    write(path, NEW)
    clock.advance(1)
    assert keys.current().by_token(NEW) == Scope.VIEW
    assert keys.current().by_token(OLD) == Scope(0)


def test_a_worker_that_begins_with_a_broken_file_opens_nothing_by_it_and_recovers(
    path: Path, clock: Clock
) -> None:
    path.write_text("nonsense\n", encoding="utf-8")
    keys = keyring(path, clock)
    assert keys.current().by_token(b"") == Scope(0)
    assert keys.current().by_token(FIXED) == Scope.ADMIN
    write(path, NEW)
    clock.advance(1)
    assert keys.current().by_token(NEW) == Scope.VIEW


def test_a_new_file_open_to_everybody_is_said(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    write(path, OLD)
    keys = keyring(path, clock)
    keys.current()
    path.chmod(0o644)
    clock.advance(1)
    keys.current()
    assert public_warning(path) in caplog.text
