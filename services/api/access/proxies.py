"""The client's real address behind reverse proxies, and only behind those that are trusted.

``X-Forwarded-For: <client>, <proxy>, …``: every proxy appends whom it was asked by, and anybody may
send the header. So it is read from the right for as long as trusted proxies speak; the first
address that is none of theirs is the client's. gunicorn believes the same proxies in
``X-Forwarded-Proto``.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

__all__ = [
    "FROM_TRUSTED",
    "Networks",
    "RealAddress",
    "client_address",
    "forwarded_allow_ips",
    "is_trusted",
    "networks",
    "one_client",
]

_V6_PREFIX: Final = 64

FROM_TRUSTED: Final = "ringcast.from_trusted_proxy"
"""Key of a request's environ: True where a trusted proxy has sent it."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


class RealAddress:
    """WSGI middleware: ``REMOTE_ADDR`` is the client's, for the application and the access log.

    Args:
        application: What is asked.
        trusted: Networks of proxies.
    """

    def __init__(self, application: WsgiApplication, trusted: Networks) -> None:
        self._application = application
        self._trusted = trusted

    def __call__(
        self,
        environ: dict[str, Any],
        start_response: Any,  # noqa: ANN401 - WSGI's
    ) -> Iterable[bytes]:
        """Answer a request."""
        peer = environ.get("REMOTE_ADDR", "")
        forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")
        environ["REMOTE_ADDR"] = client_address(peer, forwarded, self._trusted)
        environ[FROM_TRUSTED] = is_trusted(peer, self._trusted)
        return self._application(environ, start_response)


def networks(proxies: Iterable[str]) -> Networks:
    """The networks of ``api.http.trusted_proxies``."""
    return tuple(ipaddress.ip_network(proxy) for proxy in proxies)


def client_address(peer: str, forwarded: str, trusted: Networks) -> str:
    """Find out who asks.

    Args:
        peer: The other end of the connection.
        forwarded: All ``X-Forwarded-For``, joined by commas.
        trusted: Networks of proxies.

    Returns:
        The rightmost address that is no trusted proxy's. Where something stands that is no
        address, the proxy that passed it on.
    """
    believed = _address(peer)
    if believed is None:
        return peer
    for hop in reversed(forwarded.split(",") if forwarded else ()):
        if not _trusts(trusted, believed):
            break
        before = _address(hop)
        if before is None:
            break
        believed = before
    return str(believed)


def is_trusted(peer: str, trusted: Networks) -> bool:
    """Whether the other end of a connection is a trusted proxy."""
    address = _address(peer)
    return address is not None and _trusts(trusted, address)


def forwarded_allow_ips(proxies: Sequence[str]) -> str:
    """The same proxies for gunicorn; IPv4 ones also as a listener on :: sees them."""
    mapped = [
        f"::ffff:{network.network_address}/{96 + network.prefixlen}"
        for network in networks(proxies)
        if isinstance(network, ipaddress.IPv4Network)
    ]
    return ",".join([*proxies, *mapped])


def _trusts(trusted: Networks, address: Address) -> bool:
    return any(address in network for network in trusted)


def _address(text: str) -> Address | None:
    """An address with or without brackets and port; None: it is none."""
    text = text.strip().strip('"').partition("%")[0]  # a zone means nothing here, and is any text
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def one_client(address: str) -> str:
    """Who counts as one client: an IPv4 address, or a /64 of IPv6, which one host has at least.

    Args:
        address: Of the client; what is no address counts as it is.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), _V6_PREFIX), strict=False))
