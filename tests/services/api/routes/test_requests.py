from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from services.api.app import create_app
from shared.request_context import release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

    from shared.settings import Settings


@pytest.fixture(autouse=True)
def _nothing_stays_bound() -> Iterator[None]:
    yield
    release()


@pytest.mark.parametrize("path", ["/healthz", "/stream/video/status", "/nothing", "/stream/video"])
def test_large_body_is_refused_wherever_it_is_sent(http: FlaskClient, path: str) -> None:
    answer = http.get(path, data=bytes(65_537))
    assert answer.status_code == 413
    assert "65536 bytes" in answer.get_json(force=True)["detail"]


def test_body_of_unknown_length_is_refused(http: FlaskClient) -> None:
    answer = http.get("/healthz", headers={"Transfer-Encoding": "chunked"})
    assert answer.status_code == 411


def test_small_body_is_ignored(http: FlaskClient) -> None:
    assert http.get("/healthz", data=bytes(65_536)).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/stream/video?fps=x"])
def test_every_answer_tells_the_id_of_its_request(http: FlaskClient, path: str) -> None:
    ids = set()
    for _ in range(3):
        answer = http.get(path)
        ids.add(answer.headers["X-Request-ID"])
        if answer.mimetype == "application/problem+json":
            assert answer.get_json(force=True)["request_id"] == answer.headers["X-Request-ID"]
    assert len(ids) == 3
    assert all(re.fullmatch(r"[0-9a-f]{16}", name) for name in ids)


def test_a_strangers_id_is_not_taken(http: FlaskClient) -> None:
    answer = http.get("/healthz", headers={"X-Request-ID": "mine"})
    assert answer.headers["X-Request-ID"] != "mine"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("6f1c-ab.2:3/4+5=_", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("two words", False),
        ('"><script>', False),
        ("ä", False),
    ],
)
def test_a_trusted_proxy_chooses_the_id_if_it_is_sane(
    settings: Settings,
    given: str,
    taken: bool,  # noqa: FBT001
) -> None:
    http_settings = settings.api.http.model_copy(update={"trusted_proxies": ["127.0.0.0/8"]})
    api = settings.api.model_copy(update={"http": http_settings})
    app = create_app(settings.model_copy(update={"api": api}))
    answer = app.test_client().get("/healthz", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"] == given) is taken
