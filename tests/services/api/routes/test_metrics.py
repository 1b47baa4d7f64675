from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from shared.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from shared.settings import Settings

TOKENS = {scope: f"{scope}-{scope}-{scope}-token" for scope in ("view", "metrics", "admin")}


@pytest.fixture
def settings(segment_name: str, tmp_path: Path) -> Settings:
    """As in conftest.py, with a token for each scope."""
    config, credentials = tmp_path / "config.json", tmp_path / "credentials"
    config.write_text("{}", encoding="utf-8")
    lines = (f"{scope} token {token}\n" for scope, token in TOKENS.items())
    credentials.write_text("".join(lines), encoding="utf-8")
    environment = {
        "RINGCAST_VIDEO__SHARED_MEMORY_NAME": segment_name,
        "RINGCAST_API__AUTH__CREDENTIALS_FILE": str(credentials),
    }
    return load_settings(config, environment)


def status_of(http: FlaskClient, scope: str, method: str = "GET") -> int:
    headers = {"Authorization": f"Bearer {TOKENS[scope]}"} if scope else {}
    return http.open("/metrics", method=method, headers=headers).status_code


def test_numbers_are_for_the_scope_metrics_and_for_admins(http: FlaskClient) -> None:
    assert [status_of(http, scope) for scope in ("", "view", "metrics", "admin")] == [
        401,
        403,
        200,
        200,
    ]
    assert status_of(http, "metrics", "HEAD") == 200


def test_answer_is_prometheus_text_that_nobody_keeps(http: FlaskClient) -> None:
    answer = http.get("/metrics", headers={"Authorization": f"Bearer {TOKENS['metrics']}"})
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ringcast_build_info" in {family.name for family in parse(answer.text)}
