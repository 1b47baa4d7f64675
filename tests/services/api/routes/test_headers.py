from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api.app import create_app
from shared.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient

    from shared.frame import FrameInfo


@pytest.mark.parametrize(
    "path",
    ["/", "/healthz", "/stream/video", "/stream/video/status", "/nothing", "/static/page.js"],
)
def test_every_answer_says_what_browsers_may_do_with_it(http: FlaskClient, path: str) -> None:
    with http.get(path) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-site"
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Vary" not in answer.headers


def test_streams_say_it_too(http: FlaskClient, write: Callable[..., FrameInfo]) -> None:
    write()
    answer = http.head("/stream/video")
    assert answer.status_code == 200
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-site"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.fixture
def reading(segment_name: str, tmp_path: Path) -> Flask:
    """An application whose answers the scripts of two other pages may read."""
    config = tmp_path / "config.json"
    config.write_text("{}", encoding="utf-8")
    environment = {
        "RINGCAST_VIDEO__SHARED_MEMORY_NAME": segment_name,
        "RINGCAST_VIDEO__USE_SHARED_MEMORY": "true",
        "RINGCAST_API__HTTP__CORS_ORIGINS": "https://wall.example https://desk.example:8443",
        "RINGCAST_API__HTTP__RESOURCE_POLICY": "cross-origin",
    }
    return create_app(load_settings(config, environment))


def test_listed_origins_may_read_answers_and_their_headers(reading: Flask) -> None:
    http = reading.test_client()
    for origin in ("https://wall.example", "https://desk.example:8443"):
        answer = http.get("/stream/video", headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert answer.headers["Access-Control-Expose-Headers"] == "Retry-After"
        assert answer.headers["Vary"] == "Origin"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_nobody_else_may_and_caches_know_that_it_depends(reading: Flask) -> None:
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        answer = reading.test_client().get("/cameras", headers=headers)
        assert answer.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Access-Control-Allow-Credentials" not in answer.headers
