"""Whether the API can be reached from other machines, and whether somebody has chosen that.

With ``api.auth.mode=auto`` and no credential the API is open to whoever reaches it. That is fine
for this machine; for others it has to be said.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Final

from shared.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.settings_api import ApiSettings, AuthSettings

__all__ = ["check_chosen", "is_on", "only_here"]

_NOT_CHOSEN: Final = (
    "the API can be reached from other machines ({where}) and nobody has chosen who may see the "
    "cameras: set a secret of 16 characters or more (RINGCAST_API__AUTH__TOKEN, or "
    "RINGCAST_API__AUTH__CREDENTIALS_FILE), or say that everybody may "
    "(RINGCAST_API__AUTH__MODE=none)"
)
_OR_LISTEN_HERE: Final = (
    ", or listen on this machine only (RINGCAST_API__HOST=127.0.0.1; in a container whose port is "
    "published for this machine only RINGCAST_API__PUBLISHED_HOST=127.0.0.1)"
)


def is_on(auth: AuthSettings) -> bool:
    """Whether requests need credentials."""
    given = auth.token is not None or auth.credentials_file is not None
    return auth.mode == "required" or (auth.mode == "auto" and given)


def check_chosen(settings: ApiSettings, listening: Iterable[str]) -> str | None:
    """Refuse to be open to others by accident.

    Args:
        settings: ``api``.
        listening: Addresses the server listens on.

    Returns:
        A warning, where it was chosen to be open to others; None: all is well.

    Raises:
        ConfigError: It is open to others and nobody has chosen that.
    """
    if is_on(settings.auth):
        return None
    asked_at = [settings.published_host] if settings.published_host else list(listening)
    elsewhere = [address for address in asked_at if not only_here(address)]
    ways_out = _NOT_CHOSEN + (_OR_LISTEN_HERE if elsewhere else "")
    elsewhere += [f"through the proxy {proxy}" for proxy in settings.http.trusted_proxies]
    if not elsewhere:
        return None
    where = ", ".join(elsewhere)
    if settings.auth.mode == "none":
        return f"no authentication (api.auth.mode=none): whoever reaches {where} sees the cameras"
    raise ConfigError([ways_out.format(where=where)])


def only_here(host: str) -> bool:
    """Whether only this machine reaches an address or name; what cannot be found out is not."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:  # resolves what is an address already to itself
        found = socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        return False
    return all(_is_loopback(ipaddress.ip_address(str(entry[4][0]))) for entry in found)


def _is_loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
