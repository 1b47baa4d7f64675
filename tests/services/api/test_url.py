from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from services.api.access.credentials import of_setting
from services.api.access.scopes import Scope
from services.api.url import main, seconds, signed_address
from shared.errors import ConfigError
from shared.settings_api import AuthSettings

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "a-token-of-more-than-sixteen"  # noqa: S105 - of nobody
AUTH = AuthSettings.model_validate({"token": TOKEN})


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text("{}", encoding="utf-8")
    monkeypatch.setenv("RINGCAST_CONFIG", str(config))
    monkeypatch.setenv("RINGCAST_API__AUTH__TOKEN", TOKEN)


@pytest.mark.parametrize(
    ("text", "duration_s"), [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604800)]
)
def test_durations_are_written_as_people_do(text: str, duration_s: int) -> None:
    assert seconds(text) == duration_s


@pytest.mark.parametrize("text", ["", "0", "0h", "-1h", "1w", "1.5h", "4000d", "٣h", "1h\n"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--expires-in"):
        seconds(text)


def test_the_command_prints_an_address_that_opens(capsys: pytest.CaptureFixture[str]) -> None:
    before = time.time()
    assert main(["/stream/video?fps=5&width=640", "--base", "https://cam.example/a/"]) == 0
    said = capsys.readouterr()
    address = urlsplit(said.out.strip())
    query = parse_qs(address.query)
    assert said.out.startswith("https://cam.example/a/stream/video?fps=5&width=640&token=token.")
    assert said.out.count("\n") == 1
    assert before + 3599 <= int(query["expires"][0]) <= time.time() + 3600
    granted = of_setting(AUTH).by_signature(query["token"][0], "/stream/video", query["expires"][0])
    assert granted == Scope.VIEW
    assert TOKEN not in said.out + said.err


def test_without_a_base_the_settings_say_where(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for host, authority in (("0.0.0.0", "localhost"), ("::1", "[::1]"), ("cam", "cam")):  # noqa: S104
        monkeypatch.setenv("RINGCAST_API__HOST", host)
        assert main(["/", "--scope", "admin"]) == 0
        assert capsys.readouterr().out.startswith(f"http://{authority}:8000/?token=")


@pytest.mark.parametrize(
    "address",
    [
        "stream/video",
        "",
        "/stream/video/",
        "//stream/video",
        "/stream//video",
        "http://cam/stream/video",
        "/stream/video#part",
        "/stream/a b",
        "/stream/video?token=x",
        "/stream/video?fps=5&expires=1",
    ],
)
def test_what_is_no_path_of_ours_is_refused(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([address]) == 2
    assert capsys.readouterr().err.startswith("ringcast: ")


def test_an_encoded_path_is_signed_as_it_is_routed() -> None:
    assert signed_address(AUTH, "/stream/v%69deo", 9) == signed_address(AUTH, "/stream/video", 9)


def test_keys_of_the_file_come_first_and_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.write_text("view key door 0123456789abcdef\nview key gate fedcba9876543210\n", "utf-8")
    auth = AuthSettings.model_validate({"token": TOKEN, "credentials_file": path})
    assert "token=door." in signed_address(auth, "/stream/video", 9)
    assert "token=gate." in signed_address(auth, "/stream/video", 9, key_id="gate")
    assert "token=token." in signed_address(auth, "/cameras", 9, "metrics")
    with pytest.raises(ConfigError, match="no key 'roof' that may sign for view"):
        signed_address(auth, "/stream/video", 9, key_id="roof")
    with pytest.raises(ConfigError, match="no key 'door' that may sign for admin"):
        signed_address(auth, "/stream/video", 9, "admin", "door")


def test_without_authentication_nothing_needs_a_signature(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RINGCAST_API__AUTH__TOKEN")
    assert main(["/stream/video"]) == 2
    assert "authentication is off" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["/", "--base", "cam"], ["/", "--expires-in", "soon"]])
def test_wrong_options_are_a_sentence_and_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert arguments[1] in capsys.readouterr().err


def test_wrong_settings_are_a_sentence_without_the_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RINGCAST_API__AUTH__TOKEN", "short-secret")
    assert main(["/"]) == 2
    assert "short-secret" not in capsys.readouterr().err


def test_a_mosaics_cameras_are_signed_of_two_lists_the_one_that_counts() -> None:
    address = urlsplit(
        signed_address(AUTH, "/stream/mosaic?cameras=a,b&cols=2&cameras=c", 9000000000)
    )
    (token,) = parse_qs(address.query)["token"]
    credentials = of_setting(AUTH)
    assert credentials.by_signature(token, "/stream/mosaic?cameras=a,b", "9000000000")
    assert not credentials.by_signature(token, "/stream/mosaic?cameras=c", "9000000000")
    assert not credentials.by_signature(token, "/stream/mosaic", "9000000000")
