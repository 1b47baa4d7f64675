"""Cross-origin requests (CORS): which web pages' scripts may read answers. By default none's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Origins"]

_ALLOW_ORIGIN: Final = "Access-Control-Allow-Origin"


class Origins:
    """The origins of ``api.http.cors_origins``, compared as a whole and never by parts.

    Args:
        origins: ``https://example.org:8443``; ``*``: every one, but none with credentials.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        self._listed = frozenset(origins)

    def headers(self, origin: str | None, exposed: Iterable[str] = ()) -> dict[str, str]:
        """What an answer has to say.

        Args:
            origin: The request's ``Origin``; None: it has none.
            exposed: Names of headers that scripts may read.
        """
        if not self._listed:
            return {}
        vary = {"Vary": "Origin"}
        if origin is not None and origin in self._listed - {"*"}:
            allowed = {_ALLOW_ORIGIN: origin, "Access-Control-Allow-Credentials": "true"}
        elif origin is not None and "*" in self._listed:
            allowed = {_ALLOW_ORIGIN: "*"}
        else:
            return vary
        names = ", ".join(exposed)
        return vary | allowed | ({"Access-Control-Expose-Headers": names} if names else {})

    def may_connect(self, origin: str | None, own: str) -> bool:
        """Whether a page may open a WebSocket: browsers ask nobody beforehand, so we look.

        Args:
            origin: The request's ``Origin``; None: it has none, so no browser is asking.
            own: Our own address, as the request names it: ``https://example.org:8443/``.
        """
        if origin is None or "*" in self._listed or origin in self._listed:
            return True
        return _host_of(origin) == _host_of(own) != ""

    def preflight(self, origin: str | None) -> dict[str, str] | None:
        """What to answer to a browser that asks beforehand; None: nothing, it is no friend."""
        headers = self.headers(origin)
        if _ALLOW_ORIGIN not in headers:
            return None
        return headers | {
            "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
            "Access-Control-Allow-Headers": "Authorization",
            "Access-Control-Max-Age": "600",
        }


def _host_of(address: str) -> str:
    """Host and port, but for those of the scheme: a proxy that speaks TLS for us changes that."""
    scheme, _, rest = address.lower().rstrip("/").partition("://")
    port = {"http": ":80", "https": ":443"}.get(scheme, "")
    return rest.removesuffix(port) if port else ""
