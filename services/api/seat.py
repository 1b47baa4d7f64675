"""A stream that was let in, the error of one that was not, and who counts as one client."""

from __future__ import annotations

import ipaddress
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Seat", "TooManyStreams", "origin"]


class TooManyStreams(Exception):  # noqa: N818 - named after the state
    """There are as many streams as may be.

    Attributes:
        limit: How many may be.
        setting: The setting that says so.
    """

    def __init__(self, whose: str, limit: int, setting: str) -> None:
        super().__init__(
            f"{whose} {limit} streams open already, as many as {setting} allows. "
            "Close one, or try again later."
        )
        self.limit = limit
        self.setting = setting


def origin(address: str) -> str:
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
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))


class Seat:
    """One stream that was let in; left when it ends, and in any case when nobody has it any more.

    Args:
        give_back: Undoes what was counted.
    """

    __slots__ = ("__weakref__", "_give_back")

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back = weakref.finalize(self, give_back)
        self._give_back.atexit = False

    def leave(self) -> None:
        """Give it back; again is harmless."""
        self._give_back()
