"""The settings of the API: what they refuse, and that secrets stay secret."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shared.errors import ConfigError
from shared.settings import load_settings
from shared.settings_api import (
    ApiSettings,
    AuthSettings,
    HttpSettings,
    LimitsSettings,
    TlsSettings,
)

SECRET = "not-to-be-seen-by-anybody"  # noqa: S105 - of nobody


def test_the_defaults_are_valid() -> None:
    ApiSettings.model_validate(ApiSettings().model_dump())


def test_a_secret_masks_itself() -> None:
    settings = load_settings(environ={"RINGCAST_API__AUTH__TOKEN": SECRET})
    assert settings.api.auth.token is not None
    assert settings.api.auth.token.get_secret_value() == SECRET
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_what_compose_leaves_empty_is_not_set() -> None:
    names = ("AUTH__TOKEN", "AUTH__CREDENTIALS_FILE", "PUBLISHED_HOST")
    settings = load_settings(environ={f"RINGCAST_API__{name}": "" for name in names})
    assert settings.api.auth == AuthSettings()
    assert settings.api.published_host is None


def test_a_refused_secret_is_not_shown_in_the_problem() -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(environ={"RINGCAST_API__AUTH__TOKEN": "too-short"})
    assert str(refused.value) == "api.auth.token: must have at least 16 characters"


@pytest.mark.parametrize(
    "text", ["a.example,b.example", "a.example b.example", ' ["A.example","b.example"]']
)
def test_a_list_may_be_written_with_commas_spaces_or_as_json(text: str) -> None:
    settings = load_settings(environ={"RINGCAST_API__HTTP__ALLOWED_HOSTS": text.strip()})
    assert settings.api.http.allowed_hosts == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("allowed_hosts", "http://a", "'http://a' is not a host name"),
        ("allowed_hosts", "a:80", "'a:80' is not a host name"),
        ("trusted_proxies", "nginx", "'nginx' is not an address or a network"),
        ("trusted_proxies", "10.0.0.1/8", "'10.0.0.1/8' is not an address or a network"),
        ("cors_origins", "https://a/path", "'https://a/path' is not an origin"),
        ("cors_origins", "null", "'null' is not an origin"),
    ],
)
def test_what_is_no_name_network_or_origin_is_refused(
    field: str, value: str, sentence: str
) -> None:
    with pytest.raises(ValidationError, match="Value error") as refused:
        HttpSettings.model_validate({field: value})
    assert sentence in str(refused.value)


@pytest.mark.parametrize("age_sec", [-1, 0.5, 700_000])
def test_streams_are_not_ended_before_they_have_begun(age_sec: float) -> None:
    with pytest.raises(ConfigError, match="max_stream_age_sec"):
        load_settings(environ={"RINGCAST_API__LIMITS__MAX_STREAM_AGE_SEC": str(age_sec)})
    assert LimitsSettings(max_stream_age_sec=1).max_stream_age_sec == 1.0
    assert LimitsSettings().max_stream_age_sec == 0.0


@pytest.mark.parametrize("origin", ["https://a.example", "http://[::1]:8000", "*"])
def test_origins_are_taken_as_browsers_send_them(origin: str) -> None:
    assert HttpSettings.model_validate({"cors_origins": [origin]}).cors_origins == [origin]


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(ValidationError, match="must be given together"):
        TlsSettings.model_validate({"certificate_file": "cert.pem"})


def test_authentication_is_decided_by_what_is_given_unless_somebody_says_otherwise() -> None:
    assert AuthSettings().mode == "auto"
    with pytest.raises(ValidationError):
        AuthSettings.model_validate({"mode": "off"})


def test_an_empty_variable_is_no_token() -> None:
    assert load_settings(environ={"RINGCAST_API__AUTH__TOKEN": ""}).api.auth.token is None


@pytest.mark.parametrize("name", ["API", "API__AUTH", "API__AUTH__MODE"])
def test_a_secret_in_the_wrong_place_is_not_shown_either(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(environ={f"RINGCAST_{name}": SECRET})
    assert SECRET not in str(refused.value)


def test_the_password_of_a_source_is_not_in_the_repr() -> None:
    settings = load_settings(environ={"VIDEO_SOURCE": f"rtsp://user:{SECRET}@192.0.2.7/"})
    assert SECRET not in repr(settings)
