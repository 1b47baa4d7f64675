from __future__ import annotations

import pytest

from services.api.access.hosts import Hosts, own_names
from services.api.access.refusals import UnknownHost
from shared.settings_api import ApiSettings

HOSTS = Hosts({"cam", "cam.local", "view.example.org", ".lan.example", "[::1]"})


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "localhost",
        "localhost:8000",
        "LocalHost.:80",
        "door.localhost",
        "127.0.0.1:8000",
        "192.168.1.5",
        "[::1]:8000",
        "[fe80::1]",
        "[2001:DB8::1]",
        "CAM",
        "cam.:8000",
        "cam.local:1",
        "view.example.org",
        "a.b.lan.example",
        "lan.example",
        "cam:",
    ],
)
def test_our_names_and_all_addresses_are_answered(header: str | None) -> None:
    HOSTS.check(header)


@pytest.mark.parametrize(
    "header",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "notlocalhost",
        "evillan.example",
        "example.org",
        "x.view.example.org",
        "cam.local.evil.example",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "[::1",
        "::1",
        "[cam]",
        "[::1]x",
        "user@localhost",
        "localhost/path",
        "localhost,evil.example",
        "localhost evil",
        "localhost:80:80",
        "localhost:x",
        "é",
        "*",
        ".",
        "..",
        "localhost..",
    ],
)
def test_other_names_and_what_is_no_host_are_refused(header: str) -> None:
    with pytest.raises(UnknownHost):
        HOSTS.check(header)


def test_a_star_takes_every_name() -> None:
    Hosts({"*"}).check("evil.example")


def test_a_long_host_is_cut_in_the_message() -> None:
    with pytest.raises(UnknownHost) as refused:
        HOSTS.check("x" * 5000)
    assert len(str(refused.value)) < 600


def test_own_names_are_this_machines_those_listened_on_and_those_allowed() -> None:
    settings = ApiSettings.model_validate(
        {
            "host": "cam.lan",
            "published_host": "cam.example",
            "http": {"allowed_hosts": ["Proxy.Example"]},
        }
    )
    assert own_names(settings, "box.example.net") == {
        "box.example.net",
        "box",
        "box.local",
        "cam.lan",
        "cam.example",
        "proxy.example",
    }
    assert own_names(ApiSettings())
