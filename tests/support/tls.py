"""A certificate for tests, made by the openssl command, and clients that take any."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["make_certificate", "trusting"]


def trusting() -> ssl.SSLContext:
    """Of a client that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def make_certificate(key: Path, certificate: Path) -> None:
    """Write a key and a certificate for it, signed by itself, valid for a day."""
    algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-days", "1", "-subj", "/CN=localhost"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["openssl", "req", "-x509", *algorithm, *subject, *files], check=True, capture_output=True
    )
