"""What a stranger, and what each credential, gets from the application."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Final

import pytest

from services.api.access.attempts import LIMIT
from services.api.url import signed_address
from shared.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from shared.frame import FrameInfo
    from shared.settings import Settings

VIEW, METRICS, ADMIN = "view-view-view-view", "metrics-metrics-metrics", "admin-admin-admin"
FILE = f"""
view token {VIEW}
metrics token {METRICS}
admin token {ADMIN}
view basic alice:pass:word
view key door 0123456789abcdef
"""
CLOSED: Final = [
    "/",
    "/cameras",
    "/favicon.ico",
    "/static/page.js",
    "/stream/video",
    "/stream/video/frame",
    "/stream/video/status",
    "/stream/video/shm",
    "/stream/garage/status",
    "/stream/no-such-camera",
    "/stream/no-such-camera/frame",
    "/no/such/page",
    "/metrics",
    "/static/no-such-file",
    "/stream//video",
]


@pytest.fixture
def settings(segment_name: str, tmp_path: Path) -> Settings:
    """As in conftest.py, with credentials."""
    config, credentials = tmp_path / "config.json", tmp_path / "credentials"
    config.write_text("{}", encoding="utf-8")
    credentials.write_text(FILE, encoding="utf-8")
    environment = {
        "RINGCAST_VIDEO__SHARED_MEMORY_NAME": segment_name,
        "RINGCAST_VIDEO__USE_SHARED_MEMORY": "true",
        "RINGCAST_VIDEO__SHARED_MEMORY_ATTACH_TIMEOUT_SEC": "0",
        "RINGCAST_CAMERAS": '{"video": {}}',
        "RINGCAST_CAMERAS__GARAGE__SHARED_MEMORY_NAME": f"{segment_name}-garage",
        "RINGCAST_API__AUTH__CREDENTIALS_FILE": str(credentials),
        "RINGCAST_API__HTTP__CORS_ORIGINS": "https://wall.example",
        "RINGCAST_API__HTTP__TRUSTED_PROXIES": "10.0.0.0/8",
    }
    return load_settings(config, environment)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def heading(answer: TestResponse) -> tuple[int, str, dict[str, str]]:
    """All that a stranger can see, but the request's own id."""
    headers = dict(answer.headers)
    text = answer.text.replace(headers.pop("X-Request-ID"), "")
    return answer.status_code, text, headers


def test_a_stranger_gets_the_same_answer_whatever_there_is(http: FlaskClient) -> None:
    answers = [heading(http.get(path)) for path in CLOSED]
    assert all(answer == answers[0] for answer in answers)
    status, text, headers = answers[0]
    assert status == 401
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Cache-Control"] == "no-store"
    for word in ("video", "garage", "stream", "camera"):
        assert word not in text


def test_both_ways_to_authenticate_are_offered(http: FlaskClient) -> None:
    assert http.get("/").headers.get_all("WWW-Authenticate") == [
        'Basic realm="ringcast", charset="UTF-8"',
        'Bearer realm="ringcast"',
    ]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW"])
@pytest.mark.parametrize("path", ["/", "/stream/video", "/healthz", "/static/page.js", "/nothing"])
def test_there_is_nothing_that_could_be_changed(http: FlaskClient, method: str, path: str) -> None:
    for headers in ({}, bearer(ADMIN)):
        answer = http.open(path, method=method, headers=headers)
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert answer.content_type == "application/problem+json"


def test_probes_are_answered_but_learn_nothing(
    http: FlaskClient, write: Callable[..., FrameInfo]
) -> None:
    assert http.get("/healthz").json == {"status": "ok"}
    assert http.get("/healthz", headers=bearer("wrong-wrong-wrong")).status_code == 200
    answer = http.get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"status": "not ready"})
    for token in (VIEW, METRICS, ADMIN):
        document = http.get("/readyz", headers=bearer(token)).json
        assert document is not None
        assert document["condition"] == "gone"
    assert http.get("/readyz", headers=bearer("wrong-wrong-wrong")).status_code == 401
    del write


@pytest.mark.parametrize(
    ("token", "path", "status"),
    [
        (VIEW, "/", 200),
        (VIEW, "/favicon.ico", 200),
        (VIEW, "/cameras", 200),
        (VIEW, "/stream/video/status", 200),
        (VIEW, "/stream/video", 503),
        (VIEW, "/stream/video/frame", 503),
        (VIEW, "/stream/video/frame/raw", 503),
        (VIEW, "/stream/video/raw", 503),
        (VIEW, "/stream/no-such-camera", 404),
        (METRICS, "/cameras", 200),
        (METRICS, "/stream/garage/status", 200),
        (METRICS, "/", 403),
        (METRICS, "/static/page.js", 403),
        (METRICS, "/stream/video", 403),
        (METRICS, "/stream/video/shm", 403),
        (METRICS, "/stream/video/frame", 403),
        (METRICS, "/stream/video/raw", 403),
        (METRICS, "/stream/no-such-camera", 403),
        (METRICS, "/no/such/page", 404),
        (ADMIN, "/", 200),
        (ADMIN, "/stream/video/frame", 503),
        (ADMIN, "/cameras", 200),
    ],
)
def test_each_scope_opens_its_own(http: FlaskClient, token: str, path: str, status: int) -> None:
    with http.get(path, headers=bearer(token)) as answer:
        assert answer.status_code == status
        assert "no-store" in answer.headers["Cache-Control"]


def test_an_address_that_nobody_has_given_a_scope_is_for_admins(app: Flask) -> None:
    app.add_url_rule("/new", view_func=lambda: "new")
    http = app.test_client()
    assert http.get("/new", headers=bearer(VIEW)).status_code == 403
    assert http.get("/new", headers=bearer(METRICS)).status_code == 403
    assert http.get("/new", headers=bearer(ADMIN)).status_code == 200


def test_basic_opens_too(http: FlaskClient) -> None:
    for text, status in (("alice:pass:word", 200), (f"x:{VIEW}", 200), ("alice:pass", 401)):
        encoded = base64.b64encode(text.encode()).decode()
        answer = http.get("/cameras", headers={"Authorization": f"Basic {encoded}"})
        assert answer.status_code == status


def test_static_files_may_be_kept_by_their_browser_only(http: FlaskClient) -> None:
    with http.get("/static/page.js", headers=bearer(VIEW)) as answer:
        assert answer.headers["Cache-Control"] == "private, no-cache"


SIGNED_PATHS: Final = {
    "/stream/video/status": 200,
    "/stream/vide%6f/status": 200,
    "/stream/video%2Fstatus": 200,
    "/stream/video/status/": 401,
    "/stream//video/status": 401,
    "/stream/video/./status": 401,
    "/stream/video/../video/status": 401,
    "/stream/video/%2e/status": 401,
    "/stream/video%252Fstatus": 401,
    "/stream/video;x/status": 401,
    "/stream/Video/status": 401,
    "/stream/video/shm/status": 401,
    "/stream/garage/status": 401,
    "/stream/video/status%00": 401,
    "/stream/video/status%0a": 401,
    "/stream/video": 401,
    "/cameras": 401,
    "/": 401,
    "/nothing": 401,
}
"""Spellings of the path that was signed reach what was signed; everything else is shut."""


@pytest.mark.parametrize(("path", "status"), SIGNED_PATHS.items())
def test_a_signature_opens_one_address_however_it_is_spelt(
    http: FlaskClient, settings: Settings, path: str, status: int
) -> None:
    expires = int(time.time()) + 60
    address = signed_address(settings.api.auth, "/stream/video/status", expires)
    answer = http.get(path + "?fps=5&" + address.partition("?")[2])
    assert answer.status_code == status
    if status == 200:
        assert answer.json is not None
        assert answer.json["camera"] == "video"


def test_an_expired_signature_is_told_so(http: FlaskClient, settings: Settings) -> None:
    expires = int(time.time()) - 1
    answer = http.get(signed_address(settings.api.auth, "/stream/video", expires))
    assert answer.status_code == 401
    assert answer.get_json(force=True)["detail"] == "This signed address has expired."


def test_a_signature_of_a_removed_key_opens_nothing_from_the_next_look_on(
    http: FlaskClient, settings: Settings
) -> None:
    address = signed_address(settings.api.auth, "/cameras", int(time.time()) + 60)
    assert http.get(address).status_code == 200
    path = settings.api.auth.credentials_file
    assert path is not None
    path.write_text("view token something-else-entirely\n", encoding="utf-8")
    deadline = time.monotonic() + 10
    while (status := http.get(address).status_code) == 200 and time.monotonic() < deadline:
        continue
    assert status == 401


def test_wrong_credentials_are_slowed_by_the_real_address_behind_trusted_proxies(
    http: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = {"REMOTE_ADDR": "10.1.1.1"}

    def attempt(client: str, token: str) -> TestResponse:
        headers = {**bearer(token), "X-Forwarded-For": f"6.6.6.6, {client}"}
        return http.get("/", headers=headers, environ_overrides=proxy)

    wrong = "wrong-wrong-wrong"
    answers = [attempt("192.0.2.7", wrong) for _ in range(LIMIT + 5)]
    assert [answer.status_code for answer in answers] == [401] * LIMIT + [429] * 5
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert attempt("192.0.2.8", wrong).status_code == 401
    assert attempt("192.0.2.7", VIEW).status_code == 200
    assert "access refused to 192.0.2.7: wrong bearer token" in caplog.text
    assert "wrong-wrong-wrong" not in caplog.text
    assert "6.6.6.6" not in caplog.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/stream/video", "/nothing"])
def test_another_host_is_refused_before_anything_else(http: FlaskClient, path: str) -> None:
    answer = http.get(path, headers={"Host": "evil.example", **bearer(VIEW)})
    assert answer.status_code == 421
    assert "api.http.allowed_hosts" in answer.get_json(force=True)["detail"]
    assert "video" not in answer.text


def test_preflight_needs_no_credential_and_tells_nothing(http: FlaskClient) -> None:
    asks = {"Origin": "https://wall.example", "Access-Control-Request-Method": "GET"}
    answers = [http.options(path, headers=asks) for path in ("/cameras", "/nothing")]
    for answer in answers:
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "https://wall.example"
        assert answer.headers["Access-Control-Allow-Headers"] == "Authorization"
    stranger = http.options("/cameras", headers={**asks, "Origin": "https://evil.example"})
    assert stranger.status_code == 401
    assert "Access-Control-Allow-Origin" not in stranger.headers
    assert stranger.headers["Vary"] == "Origin"


def test_options_without_a_preflight_needs_credentials_like_the_rest(http: FlaskClient) -> None:
    assert http.options("/cameras").status_code == 401
    assert http.options("/cameras", headers=bearer(VIEW)).status_code == 200
