"""What must be right before the API begins, and what it says if it is not."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.mjpeg_client import get
from tests.support.secrets import (
    TOKEN,
)
from tests.support.tls import make_certificate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Services


pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e]

ELSEWHERE: Final = "192.0.2.1"
"""An address of nobody (RFC 5737): published there, listening on loopback all the same."""


@pytest.mark.parametrize(
    ("settings", "variables", "sentence"),
    [
        ({"api.host": "0.0.0.0"}, {}, r"reached from other machines \(0\.0\.0\.0\)"),  # noqa: S104
        ({"api.published_host": ELSEWHERE}, {}, r"reached from other machines \(192\.0\.2\.1\)"),
        ({}, {"GUNICORN_CMD_ARGS": "--bind=0.0.0.0:0"}, r"other machines \(0\.0\.0\.0\)"),
        ({"api.auth.mode": "required"}, {}, "there is no credential"),
        ({"api.auth.credentials_file": "missing"}, {}, "credentials file missing cannot be read"),
        ({"api.auth.token": "short-s3cret"}, {}, "api.auth.token: must have at least 16"),
    ],
)
def test_api_that_would_be_open_by_accident_does_not_start(
    service: Services, settings: dict[str, object], variables: dict[str, str], sentence: str
) -> None:
    api = service.start_api(settings, **variables)
    assert api.wait(30) == 2
    api.wait_for_log(f"ringcast: .*{sentence}")
    said = api.said()
    assert "Booting worker" not in said
    assert "Traceback" not in said
    assert "short-s3cret" not in said


def test_wrong_files_are_all_named_before_anything_starts(
    service: Services, credentials: Path, tmp_path: Path
) -> None:
    credentials.write_text("view token sh0rt\nwhat token is-thi5-a-secret-too\n", encoding="utf-8")
    make_certificate(tmp_path / "one.key", tmp_path / "one.pem")
    make_certificate(tmp_path / "two.key", tmp_path / "two.pem")
    api = service.start_api(
        {
            "api.auth.credentials_file": credentials,
            "api.tls.certificate_file": tmp_path / "one.pem",
            "api.tls.key_file": tmp_path / "two.key",
        }
    )
    assert api.wait(30) == 2
    said = api.said()
    assert "line 1: a token must have at least 16 characters" in said
    assert "line 2: must begin with its scopes" in said
    assert "is not the key of the certificate" in said
    assert "Listening at" not in said
    assert "sh0rt" not in said
    assert "thi5" not in said


def test_who_chose_to_be_open_is_warned_once(service: Services) -> None:
    api = service.api(api__published_host=ELSEWHERE, api__auth__mode="none", api__workers=2)
    assert api.said().count("no authentication (api.auth.mode=none)") == 1
    assert get(api.url + "/cameras")[0] == 200


def test_reload_that_would_open_it_by_accident_ends_it(service: Services) -> None:
    config = service.folder / "config.json"
    closed = {"api": {"published_host": ELSEWHERE, "auth": {"token": TOKEN}}}
    config.write_text(json.dumps(closed), encoding="utf-8")
    api = service.api()
    assert get(api.url + "/cameras")[0] == 401
    config.write_text(json.dumps({"api.published_host": ELSEWHERE}), encoding="utf-8")
    api.signal(signal.SIGHUP)
    assert api.wait(30) == 2
    assert "reached from other machines" in api.said()


def test_the_video_module_is_not_asked_for_the_apis_credentials(service: Services) -> None:
    video = service.video(api__host="0.0.0.0", api__auth__mode="required")  # noqa: S104
    video.wait_for_log("segment .* slots of")
