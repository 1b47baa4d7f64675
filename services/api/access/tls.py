"""HTTPS by gunicorn itself: the files checked before anybody listens, TLS 1.2 at least."""

from __future__ import annotations

import logging
import os
import ssl
from typing import TYPE_CHECKING

from shared.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.settings_api import TlsSettings

__all__ = ["check_files", "keep", "server_context"]

log = logging.getLogger(__name__)


class _Encrypted(Exception):  # noqa: N818 - named after the state
    """The key asks for a passphrase."""


def check_files(settings: TlsSettings) -> None:
    """Try certificate and key.

    Raises:
        ConfigError: Naming the setting and what is wrong.
    """
    certificate, key = settings.certificate_file, settings.key_file
    if certificate is None or key is None:
        return
    for name, path in (("certificate_file", certificate), ("key_file", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise ConfigError([f"api.tls.{name} {path}: {error.strerror}"]) from error

    def ask() -> str:
        raise _Encrypted

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, ask)
    except _Encrypted:
        problem = "is encrypted; nobody is there to give the passphrase (openssl pkey removes it)"
        raise ConfigError([f"api.tls.key_file {key} {problem}"]) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            problem = f"api.tls.key_file {key} is not the key of the certificate in {certificate}"
        else:
            problem = (
                f"api.tls.certificate_file {certificate} and key_file {key} are not a PEM "
                f"certificate and its PEM key: {error.reason or error}"
            )
        raise ConfigError([problem]) from error


_kept: dict[str, int] = {}


def keep(settings: TlsSettings) -> tuple[str, str]:
    """Copy certificate and key into memory, for workers that come when the files are wrong by now.

    Args:
        settings: ``api.tls``, with both files.

    Returns:
        The names of the copies, good in this process and those it forks.

    Raises:
        ConfigError: They are wrong, and there are none from before.
    """
    try:
        check_files(settings)
    except ConfigError as error:
        if not _kept:
            raise
        log.error("%s. What was valid before stays so", "; ".join(error.problems))  # noqa: TRY400 - expected
    else:
        _copy("certificate", settings.certificate_file)
        _copy("key", settings.key_file)
    return f"/proc/self/fd/{_kept['certificate']}", f"/proc/self/fd/{_kept['key']}"


def _copy(name: str, path: Path | None) -> None:
    content = path.read_bytes() if path is not None else b""
    if name not in _kept:
        _kept[name] = os.memfd_create(f"ringcast-{name}")
    os.ftruncate(_kept[name], 0)
    os.pwrite(_kept[name], content, 0)


def server_context(default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """The context of a listener: gunicorn's own, and nothing older than TLS 1.2."""
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
