from __future__ import annotations

import time
from typing import TYPE_CHECKING

import gevent

from tests.support.streams import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from shared.frame import FrameInfo


def test_snapshot_is_a_frame_captured_after_the_request(
    http: FlaskClient, write: Callable[..., FrameInfo]
) -> None:
    old = write()
    gevent.spawn_later(0.2, write, (0, 0, 255))
    asked_at = time.time()
    answer = http.get("/stream/video/frame?width=32")
    assert answer.status_code == 200
    assert answer.content_type == "image/jpeg"
    assert answer.headers["Cache-Control"] == "no-store"
    assert int(answer.headers["X-Frame-Number"]) > old.sequence
    assert float(answer.headers["X-Timestamp"]) >= asked_at
    image = picture(answer.data)
    assert image.shape == (24, 32, 3)
    assert image[12, 16, 2] > 200


def test_snapshot_without_video_module_is_refused(http: FlaskClient) -> None:
    assert http.get("/stream/video/frame").status_code == 503
