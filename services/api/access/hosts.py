"""Which Host a request may name: against DNS rebinding.

A page of a stranger can have its own name resolve to this machine's address, and its scripts then
ask us as if we were that page's server. The Host that browsers send gives it away. Addresses cannot
be rebound, and nobody else owns localhost or this machine's name.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING, Final

from services.api.access.refusals import UnknownHost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.settings_api import ApiSettings

__all__ = ["Hosts", "own_names"]

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{0,5})?")


class Hosts:
    """The names that are ours; ports do not count.

    Args:
        names: Host names; ``*``: every one; ``.example.org``: that name and all below it.
    """

    def __init__(self, names: Iterable[str]) -> None:
        lowered = {name.lower().rstrip(".") for name in names}
        self._any = "*" in lowered
        self._exact = lowered
        self._below = tuple(name for name in lowered if name.startswith("."))

    def check(self, header: str | None) -> None:
        """Look at a Host header; without one (HTTP/1.0) no browser is asking.

        Raises:
            UnknownHost: It names somebody else, or is no host.
        """
        if header and not (self._any or self._knows(header)):
            raise UnknownHost(header[:255])

    def _knows(self, header: str) -> bool:
        parts = _HOST.fullmatch(header)
        if parts is None:
            return False
        name = parts.group(1).lower().removesuffix(".")
        return (
            name in self._exact
            or name == "localhost"
            or name.endswith((".localhost", *self._below))
            or f".{name}" in self._below
            or _is_address(name)
        )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def own_names(settings: ApiSettings, hostname: str | None = None) -> set[str]:
    """This machine's names, those it listens on and is published under, and those allowed.

    Args:
        settings: ``api``.
        hostname: Of this machine; None: as it says itself.
    """
    full = socket.gethostname() if hostname is None else hostname
    short = full.partition(".")[0]
    own = {full, short, f"{short}.local", settings.host, settings.published_host or ""}
    return {name for name in own if name} | set(settings.http.allowed_hosts)
