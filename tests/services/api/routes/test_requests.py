from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flask.testing import FlaskClient


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
