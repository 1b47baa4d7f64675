from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api.seat import TooManyStreams
from shared.errors import EncodeError, FrameOverwritten

if TYPE_CHECKING:
    from flask import Flask


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (EncodeError("odd size"), 500, "stream generation error"),
        (ZeroDivisionError("secret"), 500, "stream generation error"),
        (FrameOverwritten(5, 26), 503, "frame 5 was overwritten"),
        (TooManyStreams("192.0.2.7 has", 4, "api.limits.max"), 503, "192.0.2.7 has 4 streams"),
    ],
)
def test_every_error_becomes_a_problem_document(
    app: Flask, error: Exception, status: int, detail: str
) -> None:
    def fail() -> str:
        raise error

    app.add_url_rule("/fail", view_func=fail)
    answer = app.test_client().get("/fail")
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    document = answer.get_json(force=True)
    assert document["status"] == status
    assert detail in document["detail"]
    assert document["title"]
    assert "secret" not in answer.text
    assert ("Retry-After" in answer.headers) is (status == 503)


def test_method_that_is_not_allowed_is_told_the_allowed_ones(app: Flask) -> None:
    answer = app.test_client().delete("/stream/video")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert answer.get_json(force=True)["status"] == 405
