"""HTTPS by gunicorn itself: the files checked before anybody listens, TLS 1.2 at least."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from shared.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.settings_api import TlsSettings

__all__ = ["check_files", "keep", "names", "server_context"]


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
    problems = [_unreadable("certificate_file", certificate), _unreadable("key_file", key)]
    if any(problems):
        raise ConfigError([problem for problem in problems if problem])

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


def _unreadable(name: str, path: Path) -> str:
    """Why a file cannot be read, a sentence; empty: it can."""
    try:
        path.read_bytes()
    except OSError as error:
        return f"api.tls.{name} {path}: {error.strerror}"
    return ""


_copies: dict[str, int] = {}


def names() -> tuple[str, str]:
    """Where ``keep`` puts certificate and key; good in this process and those it forks."""
    for name in ("certificate", "key"):
        if name not in _copies:
            _copies[name] = os.memfd_create(f"ringcast-{name}")
    return f"/proc/self/fd/{_copies['certificate']}", f"/proc/self/fd/{_copies['key']}"


def keep(settings: TlsSettings) -> None:
    """Copy certificate and key into memory, for workers that come when the files are wrong by now.

    Args:
        settings: ``api.tls``; without files nothing is done.

    Raises:
        ConfigError: They are wrong; what was copied before stays.
    """
    if settings.certificate_file is None or settings.key_file is None:
        return
    check_files(settings)
    names()
    for name, path in (("certificate", settings.certificate_file), ("key", settings.key_file)):
        content = path.read_bytes()
        os.ftruncate(_copies[name], 0)
        os.pwrite(_copies[name], content, 0)


def server_context(default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """The context of a listener: gunicorn's own, and nothing older than TLS 1.2."""
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
