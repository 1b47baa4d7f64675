"""What Docker asks whether the API is well."""

from __future__ import annotations

import json
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
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("RINGCAST_API__PORT", "-1")
    assert main([], tmp_path / "memory") == 1
    assert "api.port '-1': must be 0 to 65535" in capsys.readouterr().err


def test_where_to_ask_is_remembered_for_the_very_same_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    memory = tmp_path / "memory"
    monkeypatch.setenv("RINGCAST_API__PORT", "1")
    assert main([], memory) == 1
    first = json.loads(memory.read_text(encoding="ascii"))
    assert first[1:] == ["http", "127.0.0.1", 1]
    assert memory.stat().st_mode & 0o777 == 0o600

    with monkeypatch.context() as patch:  # the settings are not read again
        patch.setattr("shared.settings.load_settings", None)
        assert main([], memory) == 1

    monkeypatch.setenv("RINGCAST_API__PORT", "2")
    assert main([], memory) == 1
    second = json.loads(memory.read_text(encoding="ascii"))
    assert second[1:] == ["http", "127.0.0.1", 2]
    assert second[0] != first[0]


@pytest.mark.parametrize("content", ["", "nonsense", "[]", '["x", "http", "h", "p"]', "7"])
def test_a_memory_that_we_did_not_write_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGCAST_API__PORT", "1")
    memory = tmp_path / "memory"
    memory.write_text(content, encoding="ascii")
    assert main([], memory) == 1
    assert json.loads(memory.read_text(encoding="ascii"))[1:] == ["http", "127.0.0.1", 1]


def test_a_link_in_its_place_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGCAST_API__PORT", "1")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious", encoding="ascii")
    memory = tmp_path / "memory"
    memory.symlink_to(elsewhere)
    assert main([], memory) == 1
    assert elsewhere.read_text(encoding="ascii") == "precious"
    assert not memory.is_symlink()
