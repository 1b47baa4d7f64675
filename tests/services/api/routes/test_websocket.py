"""The upgrade; what follows is tested in tests/e2e/test_websocket.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flask.testing import FlaskClient

HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, "ws://"),
        (HANDSHAKE | {"Upgrade": "h2c"}, "ws://"),
        (HANDSHAKE | {"Sec-WebSocket-Version": "8"}, "version 13"),
        (HANDSHAKE | {"Sec-WebSocket-Key": "!"}, "16 bytes"),
    ],
)
def test_what_is_no_handshake_is_told_what_one_is(
    http: FlaskClient, headers: dict[str, str], told: str
) -> None:
    answer = http.get("/ws", headers=headers)
    assert answer.status_code == 426
    assert answer.headers["Sec-WebSocket-Version"] == "13"
    assert told in answer.get_json(force=True)["detail"]


@pytest.mark.parametrize(("method", "protocol"), [("HEAD", "HTTP/1.1"), ("GET", "HTTP/1.0")])
def test_only_a_get_of_http_1_1_upgrades(http: FlaskClient, method: str, protocol: str) -> None:
    environ = {"gunicorn.socket": object(), "SERVER_PROTOCOL": protocol}
    answer = http.open("/ws", method=method, headers=HANDSHAKE, environ_overrides=environ)
    assert answer.status_code == 426


def test_page_of_another_site_is_refused(http: FlaskClient) -> None:
    headers = HANDSHAKE | {"Origin": "http://evil.example"}
    answer = http.get("/ws", headers=headers, environ_overrides={"gunicorn.socket": object()})
    assert answer.status_code == 403
    assert "api.http.cors_origins" in answer.get_json(force=True)["detail"]
