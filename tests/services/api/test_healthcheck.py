"""What Docker asks whether the API is well."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from services.api.healthcheck import Endpoint, endpoint_of, main
from shared.settings_api import ApiSettings
from tests.support.tls import make_certificate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Api, Services


@pytest.mark.parametrize(
    ("host", "asked"),
    [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("127.0.0.1", "127.0.0.1")],  # noqa: S104 - not bound
)
def test_all_addresses_of_a_machine_are_asked_at_the_one_it_always_has(
    host: str, asked: str
) -> None:
    assert endpoint_of(ApiSettings(host=host)) == Endpoint("http", asked, 8000)


def ask(services: Services, api: Api, *arguments: str, **more: object) -> tuple[int, str]:
    """Run the health check with the settings of an API."""
    settings = {"api.port": int(api.url.rpartition(":")[2]), **more}
    done = subprocess.run(
        [sys.executable, "-m", "services.api.healthcheck", *arguments],
        env=services.environment(settings),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.process
@pytest.mark.e2e
def test_an_api_without_camera_is_well_but_not_ready(service: Services) -> None:
    api = service.api(video__shared_memory_attach_timeout_sec=0.1)
    assert ask(service, api) == (0, "")
    assert ask(service, api, "/readyz") == (1, "unhealthy: /readyz answers 503\n")
    api.stop()
    code, said = ask(service, api)
    assert code == 1
    assert "Connection refused" in said


@pytest.mark.process
@pytest.mark.e2e
def test_tls_and_credentials_are_no_hindrance(service: Services, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make_certificate(key, certificate)
    secured = {
        "api.tls.certificate_file": certificate,
        "api.tls.key_file": key,
        "api.auth.token": "token-of-everything",
    }
    api = service.start_api(dict(secured))
    api.url = api.wait_for_log(r"Listening at: (https://\S+)").group(1)
    api.wait_for_log("Using .* streaming mode")
    assert ask(service, api, **secured) == (0, "")


def test_wrong_settings_are_an_illness(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RINGCAST_API__PORT", "-1")
    assert main([]) == 1
    assert "api.port '-1': must be 0 to 65535" in capsys.readouterr().err
