"""What is decided before the first byte; the stream itself is tested end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.testing import FlaskClient

    from shared.frame import FrameInfo


@pytest.mark.parametrize("path", ["/stream/video", "/stream/video/shm"])
def test_head_tells_the_headers_and_opens_no_stream(
    http: FlaskClient, write: Callable[..., FrameInfo], path: str
) -> None:
    write()
    answer = http.head(path)
    assert answer.status_code == 200
    assert answer.content_type == "multipart/x-mixed-replace; boundary=frame"
    assert answer.headers["Cache-Control"] == "no-cache, no-store, must-revalidate"
    assert answer.headers["X-Accel-Buffering"] == "no"
    status = http.get("/stream/video/status").json
    assert status is not None
    assert status["clients"] == 0


def test_stream_without_video_module_is_refused_before_it_begins(http: FlaskClient) -> None:
    answer = http.get("/stream/video")
    assert answer.status_code == 503
    assert answer.get_json(force=True)["detail"] == (
        "Video Module is not running. Start it with: python -m services.video"
    )


def test_further_camera_without_video_module_is_told_with_its_segment(
    http: FlaskClient, segment_name: str
) -> None:
    answer = http.get("/stream/garage").get_json(force=True)
    assert answer["status"] == 503
    assert answer["detail"].endswith(
        f"RINGCAST_VIDEO__SHARED_MEMORY_NAME={segment_name}-garage python -m services.video"
    )
    assert answer["why"].startswith(f"nobody writes /dev/shm/{segment_name}-garage.ring")


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
