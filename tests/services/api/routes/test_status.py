from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import g

from services.api.access.scopes import Scope
from services.api.routes.status import client_list
from tests.support.watchers import watcher

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

    from services.api.cameras import Cameras


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
    garage = document["cameras"][1]
    assert garage["stream"] == "/stream/garage"
    assert (garage["online"], garage["condition"]) == (False, "gone")
    assert "nobody writes" in garage["why"]


def test_list_of_cameras_builds_no_status(
    http: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.camera.Camera.status", None)
    assert http.get("/cameras").status_code == 200


def test_room_of_the_rings_is_told(http: FlaskClient) -> None:
    document = http.get("/stream/video/status").json
    assert document is not None
    room = document["shm"]
    assert room["directory"] == "/dev/shm"  # noqa: S108 - the real tmpfs
    assert room["total"] >= room["used"] + room["free"] > 0
    assert room["ring"] is None


@pytest.mark.parametrize(
    ("scope", "key", "address"),
    [(Scope.ADMIN, "hall", "192.0.2.7"), (Scope.VIEW, None, None), (Scope.METRICS, None, None)],
)
def test_where_clients_are_and_what_they_call_themselves_is_for_admins(
    app: Flask, scope: Scope, key: str | None, address: str | None
) -> None:
    cameras: Cameras = app.extensions["ringcast"]
    cameras.default().audience.enter(watcher("1", key="hall"))
    with app.test_request_context("/stream/video/status"):
        g.granted = scope
        (client,) = client_list(cameras.default())
    assert (client["id"], client["key"], client["address"]) == ("1", key, address)
