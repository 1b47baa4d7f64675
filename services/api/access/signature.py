"""Signed addresses: ``/stream/video?token=<key id>.<mac>&expires=<unix seconds>``.

The MAC is HMAC-SHA256, as base64url without padding, over four lines in UTF-8::

    ringcast-url-1
    <scope>            view, metrics or admin
    <expires>          as it stands in the address, seconds since 1970
    <path>             percent-decoded, as it is routed: the last line, so it may hold anything;
                       of a mosaic with ``?cameras=…`` behind it, as they are named in the address

Other query parameters are not signed. The scope does not stand in the address: who checks tries
those that the key may give. A signature is good for one path, so it opens nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TOKEN_KEY_ID", "derived_key", "expired", "key_id_of", "sign", "signed_path"]

_VERSION: Final = "ringcast-url-1"
_MOSAIC: Final = re.compile(r"/stream/mosaic(/.*)?", re.DOTALL)
_TOKEN: Final = re.compile(r"([A-Za-z0-9_-]{1,32})\.[A-Za-z0-9_-]{43}")
_EXPIRES: Final = re.compile(r"[1-9][0-9]{0,11}")

TOKEN_KEY_ID: Final = "token"  # noqa: S105 - a name
"""Id of the key that is derived from ``api.auth.token``."""


def derived_key(token: str) -> bytes:
    """The signing key that comes with ``api.auth.token``: one secret in the environment is enough.

    Not the token itself: who learns of a signature by trying has learnt nothing that is sent.
    """
    return hmac.digest(token.encode("utf-8"), b"ringcast signed url", hashlib.sha256)


def signed_path(path: str, query: Mapping[str, str]) -> str:
    """What a signature is for: who was shown some cameras in a mosaic must not see others by it.

    Args:
        path: Percent-decoded.
        query: The parameters, of which a mosaic's ``cameras`` counts.
    """
    if _MOSAIC.fullmatch(path) is None or "cameras" not in query:
        return path
    return f"{path}?cameras={query['cameras']}"


def sign(key: bytes, key_id: str, scope: str, path: str, expires: str) -> str:
    """Make the value of ``token``.

    Args:
        key: The secret.
        key_id: Its name, which stands in the token.
        scope: ``view``, ``metrics`` or ``admin``.
        path: As ``signed_path`` gives it.
        expires: Seconds since 1970, decimal.
    """
    signed = f"{_VERSION}\n{scope}\n{expires}\n{path}".encode("utf-8", "surrogatepass")
    mac = base64.urlsafe_b64encode(hmac.digest(key, signed, hashlib.sha256))
    return f"{key_id}.{mac.decode('ascii').rstrip('=')}"


def key_id_of(token: str) -> str | None:
    """The id of the key that a token claims; None: it is no token."""
    found = _TOKEN.fullmatch(token)
    return found.group(1) if found is not None else None


def expired(expires: str, now_s: float) -> bool:
    """Whether the time is over; what is no time is over."""
    return _EXPIRES.fullmatch(expires) is None or int(expires) <= now_s
