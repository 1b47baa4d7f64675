from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.access.proxies import (
    FROM_TRUSTED,
    RealAddress,
    client_address,
    forwarded_allow_ips,
    networks,
    one_client,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

TRUSTED = networks(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("::ffff:127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "192.0.2.7, 10.1.2.3", "192.0.2.7"),
        ("127.0.0.1", "6.6.6.6, 192.0.2.7,10.1.2.3", "192.0.2.7"),
        ("192.0.2.1", "6.6.6.6", "192.0.2.1"),
        ("127.0.0.1", "6.6.6.6, 192.0.2.1, 192.0.2.2", "192.0.2.2"),
        ("127.0.0.1", "10.1.2.3, 10.9.9.9", "10.1.2.3"),
        ("127.0.0.1", "192.0.2.7:5123", "192.0.2.7"),
        ("fd00::1", '"[2001:db8::7]:5123"', "2001:db8::7"),
        ("fd00::1", "2001:DB8:0::7", "2001:db8::7"),
        ("127.0.0.1", "::ffff:192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "192.0.2.7, garbage", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.7, unknown, 10.1.1.1", "10.1.1.1"),
        ("127.0.0.1", "192.0.2.7,", "127.0.0.1"),
        ("127.0.0.1", ",", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.7\t", "192.0.2.7"),
        ("unix:", "192.0.2.7", "unix:"),
    ],
)
def test_the_rightmost_address_that_is_no_trusted_proxy_asks(
    peer: str, forwarded: str, client: str
) -> None:
    assert client_address(peer, forwarded, TRUSTED) == client


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert client_address("127.0.0.1", "6.6.6.6", ()) == "127.0.0.1"


@given(st.ip_addresses(), st.text())
def test_whatever_is_sent_the_client_has_an_address(peer: object, forwarded: str) -> None:
    ipaddress.ip_address(client_address(str(peer), forwarded, TRUSTED))
    assert client_address("192.0.2.1", forwarded, TRUSTED) == "192.0.2.1"


def test_gunicorn_believes_the_same_ones_however_it_sees_them() -> None:
    assert forwarded_allow_ips([]) == ""
    listed = forwarded_allow_ips(["10.0.0.0/8", "fd00::/8"]).split(",")
    assert listed == ["10.0.0.0/8", "fd00::/8", "::ffff:10.0.0.0/104"]
    assert ipaddress.ip_address("::ffff:10.1.2.3") in ipaddress.ip_network(listed[2])


def test_the_application_and_the_access_log_see_the_client() -> None:
    def application(environ: dict[str, Any], start_response: object) -> Iterable[bytes]:
        del start_response
        return [environ["REMOTE_ADDR"].encode()]

    environ = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"}
    assert RealAddress(application, TRUSTED)(environ, None) == [b"192.0.2.7"]
    assert environ["REMOTE_ADDR"] == "192.0.2.7", "gunicorn's own record of the request"


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_client_is_an_address_or_a_network_of_ipv6(address: str, who: str) -> None:
    assert one_client(address) == who


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [("10.0.0.7", True), ("::ffff:10.0.0.7", True), ("192.0.2.1", False), ("", False)],
)
def test_a_request_says_whether_a_trusted_proxy_has_sent_it(peer: str, trusted: bool) -> None:  # noqa: FBT001
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: object) -> list[bytes]:
        del start_response
        seen.update(environ)
        return []

    proxied = RealAddress(application, networks(["10.0.0.0/8"]))
    proxied({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": "10.0.0.9"}, None)
    assert seen[FROM_TRUSTED] is trusted
