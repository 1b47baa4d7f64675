from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api.app import create_app
from shared.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient


def test_every_address_is_there(app: Flask) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    assert rules >= {
        "/",
        "/cameras",
        "/favicon.ico",
        "/healthz",
        "/readyz",
        "/stream/<camera>",
        "/stream/<camera>/frame",
        "/stream/<camera>/frame/raw",
        "/stream/<camera>/raw",
        "/stream/<camera>/status",
        "/stream/video/shm",
        "/stream/video/shm/frame",
        "/stream/video/shm/frame/raw",
        "/stream/video/shm/raw",
        "/stream/video/shm/status",
    }


def test_every_answer_forbids_guessing_its_type(http: FlaskClient) -> None:
    for path in ("/", "/healthz", "/nothing", "/static/page.css"):
        with http.get(path) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_wrong_settings_stop_the_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGCAST_CONFIG", str(tmp_path / "missing.json"))
    with pytest.raises(ConfigError):
        create_app()
