from __future__ import annotations

import pytest

from services.api.access.exposure import check_chosen, is_on, only_here
from shared.errors import ConfigError
from shared.settings_api import ApiSettings, AuthSettings

TOKEN = "a-token-of-more-than-sixteen"  # noqa: S105 - of nobody


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST.", "a.localhost"]
)
def test_loopback_is_this_machine_only(host: str) -> None:
    assert only_here(host)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.168.1.5", "10.0.0.1", "fe80::1", "169.254.1.1", "no-such-name.invalid"],  # noqa: S104
)
def test_anything_else_is_not(host: str) -> None:
    assert not only_here(host)


def test_a_name_counts_by_what_it_resolves_to(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"inside": ["127.0.0.1", "::1"], "both": ["127.0.0.1", "192.0.2.1"]}

    def resolve(name: str, port: None) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        del port
        return [(2, 1, 6, "", (address, 0)) for address in found[name]]

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    assert only_here("inside")
    assert not only_here("both")


@pytest.mark.parametrize(
    ("auth", "needed"),
    [
        ({}, False),
        ({"token": TOKEN}, True),
        ({"credentials_file": "f"}, True),
        ({"mode": "none", "token": TOKEN}, False),
        ({"mode": "required"}, True),
    ],
)
def test_credentials_are_needed_where_they_are_given_or_required(
    auth: dict[str, str], *, needed: bool
) -> None:
    assert is_on(AuthSettings.model_validate(auth)) is needed


def settings(**given: object) -> ApiSettings:
    return ApiSettings.model_validate(given)


def test_open_to_others_without_a_choice_is_refused_with_the_ways_out() -> None:
    with pytest.raises(ConfigError) as refused:
        check_chosen(settings(), ["127.0.0.1", "0.0.0.0"])  # noqa: S104
    (problem,) = refused.value.problems
    assert "(0.0.0.0)" in problem
    for way in ("AUTH__TOKEN", "CREDENTIALS_FILE", "AUTH__MODE=none", "HOST=127.0.0.1"):
        assert way in problem


@pytest.mark.parametrize(
    ("published", "listening", "refused"),
    [
        (None, ["127.0.0.1"], False),
        (None, ["::1", "127.0.0.1"], False),
        (None, ["::"], True),
        ("127.0.0.1", ["0.0.0.0"], False),  # noqa: S104 - a container's inside
        ("[::1]", ["0.0.0.0"], False),  # noqa: S104
        ("0.0.0.0", ["0.0.0.0"], True),  # noqa: S104
        ("192.168.1.5", ["127.0.0.1"], True),
        ("cam.invalid", ["127.0.0.1"], True),
    ],
)
def test_what_is_published_counts_before_what_is_listened_on(
    published: str | None, listening: list[str], *, refused: bool
) -> None:
    given = settings(published_host=published)
    if refused:
        with pytest.raises(ConfigError):
            check_chosen(given, listening)
    else:
        assert check_chosen(given, listening) is None


def test_who_chose_is_let_and_warned_where_all_may_see() -> None:
    everywhere = ["0.0.0.0"]  # noqa: S104
    assert check_chosen(settings(auth={"token": TOKEN}), everywhere) is None
    warning = check_chosen(settings(auth={"mode": "none"}), everywhere)
    assert warning is not None
    assert "no authentication" in warning
    assert check_chosen(settings(auth={"mode": "none"}), ["127.0.0.1"]) is None


def test_a_trusted_proxy_means_others_whatever_is_listened_on() -> None:
    proxies, here = {"trusted_proxies": ["127.0.0.1"]}, ["127.0.0.1"]
    with pytest.raises(ConfigError, match=r"through the proxy 127\.0\.0\.1"):
        check_chosen(settings(http=proxies), here)
    assert check_chosen(settings(http=proxies, auth={"token": TOKEN}), here) is None
    assert check_chosen(settings(http=proxies, auth={"mode": "none"}), here) is not None
