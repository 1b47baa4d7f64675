"""What holds for every endless answer before its first byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.testing import FlaskClient

    from shared.frame import FrameInfo


def test_stream_that_would_be_chunked_is_refused(
    http: FlaskClient, write: Callable[..., FrameInfo]
) -> None:
    write()
    answer = http.get("/stream/video", environ_overrides={"SERVER_PROTOCOL": "HTTP/1.1"})
    assert answer.status_code == 505
    assert "HTTP/1.0" in answer.get_json(force=True)["detail"]


def test_streams_beyond_the_limit_are_refused(
    app: Flask, http: FlaskClient, write: Callable[..., FrameInfo]
) -> None:
    write()
    cameras = app.extensions["ringcast"]
    limits = cameras.settings.api.limits.model_copy(update={"max_streams": 1})
    api = cameras.settings.api.model_copy(update={"limits": limits})
    cameras.settings = cameras.settings.model_copy(update={"api": api})
    seat = cameras.admit(cameras.default(), "192.0.2.7")
    answer = http.get("/stream/video")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert "api.limits.max_streams" in answer.get_json(force=True)["detail"]
    seat.leave()
    assert http.head("/stream/video").status_code == 200
