from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask.testing import FlaskClient


def test_status_of_every_camera_is_told_even_when_it_is_gone(http: FlaskClient) -> None:
    for path in ("/stream/video/status", "/stream/video/shm/status", "/stream/garage/status"):
        answer = http.get(path)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json is not None
        assert answer.json["online"] is False
        assert answer.json["mode"] == "shared memory"


def test_list_of_cameras_leads_to_their_streams(http: FlaskClient) -> None:
    document = http.get("/cameras").json
    assert document is not None
    assert [camera["name"] for camera in document["cameras"]] == ["video", "garage"]
    assert document["cameras"][1]["stream"] == "/stream/garage"
