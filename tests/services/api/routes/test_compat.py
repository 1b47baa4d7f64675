"""Addresses of mjpg-streamer and µStreamer; their clients are in tests/e2e/test_compat.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent
import pytest

from tests.support.greenlets import let_run, turns_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.testing import FlaskClient

    from shared.frame import FrameInfo


@pytest.mark.parametrize("path", ["/stream", "/?action=stream", "/?action=stream_0"])
def test_streams_say_who_the_client_is(
    http: FlaskClient, write: Callable[..., FrameInfo], path: str
) -> None:
    write()
    joint = "&" if "?" in path else "?"
    answer = http.head(f"{path}{joint}key=hall")
    assert answer.status_code == 200
    name = answer.headers["X-Client-Id"]
    assert answer.headers["Set-Cookie"].startswith(f"stream_client=hall/{name};")


@pytest.mark.parametrize("path", ["/snapshot", "/?action=snapshot", "/?action=snapshot_1"])
def test_snapshot_without_video_module_is_a_blank(http: FlaskClient, path: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 200
    assert answer.headers["X-UStreamer-Online"] == "false"
    assert "X-UStreamer-Encode-End-Timestamp" not in answer.headers
    assert answer.data.startswith(b"\xff\xd8")


def test_snapshot_is_newer_than_the_request(
    app: Flask, http: FlaskClient, write: Callable[..., FrameInfo]
) -> None:
    old = write()
    turns_until(app.extensions["ringcast"].default().online, "the camera to be found")
    asked = gevent.spawn(http.get, "/snapshot?quality=40")
    newest = old
    while not asked.dead:
        newest = write()
        let_run(0.03)
    answer = asked.get()
    assert old.sequence < int(answer.headers["X-Frame-Number"]) <= newest.sequence
    assert answer.headers["X-UStreamer-Online"] == "true"
    assert (answer.headers["X-UStreamer-Width"], answer.headers["X-Quality"]) == ("64", "40")


@pytest.mark.parametrize("action", ["", "command", "stream_2", "stream_-1", "stream_0x", "STREAM"])
def test_other_actions_are_refused(http: FlaskClient, action: str) -> None:
    answer = http.get("/", query_string={"action": action})
    assert answer.status_code == 400
    problem = answer.get_json(force=True)["parameters"][0]
    assert (problem["name"], problem["value"]) == ("action", action)
    assert "_0 to _1" in problem["allowed"]


def test_state_has_the_shape_of_ustreamers(
    http: FlaskClient, write: Callable[..., FrameInfo]
) -> None:
    write()
    document = http.get("/state").get_json()
    assert document["ok"] is True
    assert set(document["result"]) == {"instance_id", "encoder", "source", "stream"}
    assert document["result"]["stream"] == {"queued_fps": 0, "clients": 0, "clients_stat": {}}
