"""``python -m services.api.healthcheck [/readyz]``: exit 0 when the API on this machine answers.

It asks ``/healthz`` with the host, the port and the scheme of the settings. A lost camera is no
illness: restarting the API would not bring it back, only end streams that resume by themselves.
"""

from __future__ import annotations

import http.client
import ssl
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from shared.errors import ConfigError
from shared.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.settings_api import ApiSettings

__all__ = ["address_of", "answer_of", "main"]

_TIMEOUT_S: Final = 4.0
_FOR_ALL: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
"""Addresses that mean "all of this machine", and one of it that can be asked."""


def main(arguments: Sequence[str]) -> int:
    """Ask; 0 is healthy, 1 is not, and then it says why.

    Args:
        arguments: At most a path to ask for instead of ``/healthz``.
    """
    path = next(iter(arguments), "/healthz")
    try:
        settings = load_settings().api
        status = answer_of(settings, path, timeout_s=_TIMEOUT_S)
    except (ConfigError, OSError, http.client.HTTPException) as error:
        illness = str(error) or type(error).__name__
    else:
        if status == HTTPStatus.OK:
            return 0
        illness = f"{path} answers {status}"
    sys.stderr.write(f"unhealthy: {illness}\n")
    return 1


def address_of(settings: ApiSettings) -> tuple[str, str]:
    """Scheme and host under which this machine reaches its own API.

    Args:
        settings: ``api``.
    """
    scheme = "http" if settings.tls.certificate_file is None else "https"
    return scheme, _FOR_ALL.get(settings.host, settings.host)


def answer_of(
    settings: ApiSettings, path: str, *, port: int | None = None, timeout_s: float
) -> int:
    """Status code of a GET; past any proxy, unlike ``urllib``.

    Args:
        settings: ``api``.
        path: What to ask for.
        port: Where it listens; None: ``api.port``.
        timeout_s: How long any step may take.

    Raises:
        OSError: Nobody answers.
        http.client.HTTPException: What answers does not speak HTTP.
    """
    scheme, host = address_of(settings)
    where = settings.port if port is None else port
    connection = http.client.HTTPConnection(host, where, timeout=timeout_s)
    if scheme == "https":
        # our own server on this machine, whose certificate may be for another name
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, where, timeout=timeout_s, context=trusting)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
