"""What is decided before the first byte; the stream itself is tested end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from shared.frame import FrameInfo
    from shared.ring.writer import RingWriter


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
    assert answer["detail"].startswith(f"Nobody writes the segment {segment_name}-garage.")
    assert answer["why"].startswith(f"nobody writes /dev/shm/{segment_name}-garage.ring")


def test_answers_name_the_nodes_the_frames_come_through(
    http: FlaskClient, writer: RingWriter, write: Callable[..., FrameInfo]
) -> None:
    writer.route(("gate", "hall"))
    write()
    for path in ("/stream/video", "/stream/video/raw", "/?action=stream"):
        assert http.head(path).headers["X-Hops"] == "gate,hall"
    frame = http.get("/stream/video/frame?max_age=60000")
    assert frame.headers.get_all("X-Hops") == ["gate,hall"]
    raw = http.get("/stream/video/frame/raw?max_age=60000")
    assert raw.headers.get_all("X-Hops") == ["gate,hall"]


def test_ring_of_an_older_release_names_none(
    http: FlaskClient, write: Callable[..., FrameInfo]
) -> None:
    write()
    assert "X-Hops" not in http.head("/stream/video").headers
