"""What is decided before the first byte; the stream itself is tested end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api.raw_room import NoRoomForRaw

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.testing import FlaskClient

    from shared.frame import FrameInfo


@pytest.mark.parametrize("path", ["/stream/video/raw", "/stream/video/shm/raw"])
def test_head_tells_the_form_and_opens_no_stream(
    http: FlaskClient, write: Callable[..., FrameInfo], path: str
) -> None:
    write()
    answer = http.head(path)
    assert answer.status_code == 200
    assert answer.content_type == "multipart/x-mixed-replace; boundary=frame"
    assert http.head(f"{path}?format=y4m").content_type == "video/x-yuv4mpeg"
    status = http.get("/stream/video/status").json
    assert status is not None
    assert status["clients"] == 0


@pytest.mark.parametrize(
    "query", ["format=npy", "pixel_format=i420", "format=y4m&pixel_format=bgr24", "fps=0"]
)
def test_forms_that_do_not_exist_are_refused(http: FlaskClient, query: str) -> None:
    answer = http.get(f"/stream/video/raw?{query}")
    assert answer.status_code == 400
    assert len(answer.get_json(force=True)["parameters"]) == 1


@pytest.mark.parametrize("path", ["raw?", "raw?format=y4m", "frame/raw?", "frame?format=png"])
def test_client_for_whose_frame_there_is_no_room_is_refused(
    app: Flask, write: Callable[..., FrameInfo], path: str
) -> None:
    write()
    camera = app.extensions["ringcast"].default()
    seat = camera.raw_room.hold(512 * 2**20)
    answer = app.test_client().get(f"/stream/video/{path}&max_age=60000")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert answer.get_json(force=True)["setting"] == "api.limits.max_raw_mb"
    assert app.test_client().get("/stream/video/frame?max_age=60000").status_code == 200
    seat.leave()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("query", ["", "&format=npy"])
def test_single_picture_holds_its_room_until_it_is_sent(
    app: Flask, write: Callable[..., FrameInfo], method: str, query: str
) -> None:
    write()
    camera = app.extensions["ringcast"].default()
    path = f"/stream/video/frame/raw?max_age=60000{query}"
    with app.test_client().open(path, method=method, buffered=False) as answer:
        assert answer.status_code == 200
        with pytest.raises(NoRoomForRaw):
            camera.raw_room.hold(512 * 2**20)
    camera.raw_room.hold(512 * 2**20).leave()
