"""``python -m services.api.healthcheck [/readyz]``: exit 0 when the API on this machine answers.

It asks ``/healthz`` with the host, the port and the scheme of the settings. A lost camera is no
illness: restarting the API would not bring it back, only end streams that resume by themselves.

It is run every few seconds for ever, and reading the settings is most of what it costs. So where
it has to ask is kept, in a file among the temporary ones, for as long as the configuration file and
the variables stay the same.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from shared.errors import ConfigError
from shared.settings_inputs import fingerprint, process_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.settings_api import ApiSettings

__all__ = ["Endpoint", "answer_of", "endpoint_of", "main"]

_TIMEOUT_S: Final = 4.0
_FOR_ALL: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
"""Addresses that mean "all of this machine", and one of it that can be asked."""


class Endpoint(NamedTuple):
    """Where this machine reaches its own API."""

    scheme: str
    host: str
    port: int


def main(arguments: Sequence[str], memory: Path | None = None) -> int:
    """Ask; 0 is healthy, 1 is not, and then it says why.

    Args:
        arguments: At most a path to ask for instead of ``/healthz``.
        memory: The file that keeps where to ask; None: one of this user's.
    """
    path = next(iter(arguments), "/healthz")
    try:
        endpoint = _endpoint(memory or Path(tempfile.gettempdir(), f"ringcast-api-{os.geteuid()}"))
        status = answer_of(endpoint, path, timeout_s=_TIMEOUT_S)
    except (ConfigError, OSError, http.client.HTTPException) as error:
        illness = str(error) or type(error).__name__
    else:
        if status == http.HTTPStatus.OK:
            return 0
        illness = f"{path} answers {status}"
    sys.stderr.write(f"unhealthy: {illness}\n")
    return 1


def endpoint_of(settings: ApiSettings, port: int | None = None) -> Endpoint:
    """Where this machine reaches its own API.

    Args:
        settings: ``api``.
        port: Where it listens; None: ``api.port``.
    """
    scheme = "http" if settings.tls.certificate_file is None else "https"
    host = _FOR_ALL.get(settings.host, settings.host)
    return Endpoint(scheme, host, settings.port if port is None else port)


def answer_of(endpoint: Endpoint, path: str, *, timeout_s: float) -> int:
    """Status code of a GET; past any proxy, unlike ``urllib``.

    Args:
        endpoint: Whom to ask.
        path: What to ask for.
        timeout_s: How long any step may take.

    Raises:
        OSError: Nobody answers.
        http.client.HTTPException: What answers does not speak HTTP.
    """
    connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout_s)
    if endpoint.scheme == "https":
        # our own server on this machine, whose certificate may be for another name
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            endpoint.host, endpoint.port, timeout=timeout_s, context=trusting
        )
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def _endpoint(memory: Path) -> Endpoint:
    """As the settings have it, or as was found out with the very same ones.

    Raises:
        ConfigError: A setting is wrong.
    """
    try:
        read_from = fingerprint(process_environment())
    except OSError as error:
        raise ConfigError([f"the configuration file cannot be read: {error}"]) from error
    known = _recall(memory, read_from)
    if known is not None:
        return known
    from shared.settings import load_settings  # noqa: PLC0415 - what costs so much

    endpoint = endpoint_of(load_settings().api)
    with contextlib.suppress(OSError):  # no room or no right: then it costs more the next time
        _remember(memory, read_from, endpoint)
    return endpoint


def _recall(memory: Path, read_from: str) -> Endpoint | None:
    """What was remembered for the very same settings, by ourselves and nobody else."""
    try:
        descriptor = os.open(memory, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, encoding="ascii") as file:
            facts = os.fstat(descriptor)
            if facts.st_uid != os.geteuid() or not stat.S_ISREG(facts.st_mode):
                return None
            known, scheme, host, port = json.loads(file.read())
    except (OSError, ValueError, TypeError):  # there is none, or it was not written by us
        return None
    return Endpoint(scheme, host, int(port)) if known == read_from else None


def _remember(memory: Path, read_from: str, endpoint: Endpoint) -> None:
    draft = memory.with_name(f"{memory.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump([read_from, *endpoint], file)
    draft.replace(memory)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
