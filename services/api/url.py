"""Makes signed addresses: ``python -m services.api.url /stream/video --expires-in 1h``.

For clients that can send no credential: an ``<img>`` on another page, VLC, a display. Reads the
same settings as the API, and asks it for nothing. Exit codes: 0 and the address, 2 and what is
wrong.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from services.api.access.credentials import of_setting
from services.api.access.credentials_file import read
from services.api.access.exposure import is_on
from services.api.access.scopes import Scope, scope_named
from services.api.access.signature import sign, signed_path
from shared.errors import ConfigError
from shared.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.api.access.credentials import Credentials
    from shared.settings_api import ApiSettings, AuthSettings

__all__ = ["main", "seconds", "signed_address"]

_UNITS_S: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_S: Final = 3650 * 86400
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)+|/")
_WILDCARDS: Final = {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one signed address.

    Args:
        arguments: The command line; None: that of the process.

    Returns:
        The exit code.
    """
    asked = _parser().parse_args(arguments)
    try:
        settings = load_settings().api
        expires = int(time.time()) + seconds(asked.expires_in)
        path = signed_address(settings.auth, asked.path, expires, asked.scope, asked.key)
        base = _base(settings) if asked.base is None else _checked_base(asked.base)
    except ConfigError as error:
        sys.stderr.write(error.lines)
        return 2
    sys.stdout.write(f"{base}{path}\n")
    return 0


def signed_address(
    auth: AuthSettings, address: str, expires: int, scope: str = "view", key_id: str | None = None
) -> str:
    """Sign the path of an address, of a mosaic with its cameras; its query stays.

    Args:
        auth: ``api.auth``.
        address: Path and query, as they are to be asked.
        expires: Seconds since 1970.
        scope: ``view``, ``metrics`` or ``admin``.
        key_id: Of the key; None: the first that may sign for the scope.

    Raises:
        ConfigError: The address cannot be signed, or there is no key for it.
    """
    parts = urlsplit(address)
    path = unquote(parts.path)
    query = parse_qsl(parts.query, keep_blank_values=True)
    elsewhere = parts.scheme or parts.netloc or parts.fragment
    if elsewhere or _PATH.fullmatch(path) is None or {".", ".."} & set(path.split("/")):
        raise ConfigError(
            [f"path {address!r}: must be one of the API's, such as /stream/video?fps=5"]
        )
    if {"token", "expires"} & {name for name, _ in query}:
        raise ConfigError(["the path has a token or expires already: give it without"])
    key = _credentials(auth).key(scope_named(scope), key_id)
    if key is None:
        raise ConfigError([_no_key(auth, scope, key_id)])
    signed = signed_path(path, dict(reversed(query)))  # of one that is given twice the first counts
    token = sign(key.secret, key.id, scope, signed, str(expires))
    return f"{quote(path)}?{urlencode([*query, ('token', token), ('expires', expires)])}"


def seconds(text: str) -> int:
    """A duration such as ``90``, ``15m``, ``1h`` or ``7d``.

    Raises:
        ConfigError: It is none, or longer than ten years.
    """
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text)
    duration_s = int(found.group(1)) * _UNITS_S[found.group(2)] if found is not None else 0
    if not 1 <= duration_s <= _MAX_S:
        raise ConfigError([f"--expires-in {text!r}: must be 90s, 15m, 1h or 7d; at most 3650d"])
    return duration_s


def _credentials(auth: AuthSettings) -> Credentials:
    credentials = of_setting(auth)
    if auth.credentials_file is not None:
        credentials = read(auth.credentials_file).credentials | credentials
    return credentials


def _no_key(auth: AuthSettings, scope: str, key_id: str | None) -> str:
    if not is_on(auth):
        return "authentication is off (api.auth): nothing needs a signature"
    wanted = "no key" if key_id is None else f"no key {key_id!r}"
    return (
        f"there is {wanted} that may sign for {scope}: set RINGCAST_API__AUTH__TOKEN, or put a "
        f'line "{scope} key <id> <secret>" into the credentials file'
    )


def _checked_base(base: str) -> str:
    if re.fullmatch(r"https?://[^/?#\s]+[^?#\s]*", base) is None:
        raise ConfigError([f"--base {base!r}: must be such as https://cam.example"])
    return base.rstrip("/")


def _base(settings: ApiSettings) -> str:
    """Where the API is, as far as its settings know."""
    host = settings.published_host or settings.host
    host = "localhost" if host.strip("[]") in _WILDCARDS else host
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    scheme = "http" if settings.tls.certificate_file is None else "https"
    return f"{scheme}://{host}:{settings.port}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.api.url",
        description="Print an address that opens itself until it expires, for clients that send "
        "no credential: <img>, VLC, displays. A stream that is open then goes on.",
    )
    parser.add_argument("path", help="what it opens, such as /stream/video?fps=5")
    parser.add_argument("--expires-in", default="1h", help="90s, 15m, 1h, 7d; default: 1h")
    parser.add_argument("--base", help="scheme, host and port: https://cam.example")
    names = [str(scope.name).lower() for scope in Scope]
    parser.add_argument("--scope", default="view", choices=names, help="default: view")
    parser.add_argument("--key", help="id of the key; default: the first that may")
    return parser


if __name__ == "__main__":
    sys.exit(main())
