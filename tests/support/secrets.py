"""Credentials of nobody, and ways to show them to a real API."""

from __future__ import annotations

import base64
import socket
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from services.api.url import signed_address
from shared.settings_api import AuthSettings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Api

TOKEN: Final = "token-0f-everything"  # noqa: S105 - all secrets here are of nobody
VIEW, METRICS = "view-0ff-viewers-1", "metrics-0f-watchers"
PASSWORD: Final = "pass:w0rd-of-alice"  # noqa: S105
KEY: Final = "key-0f-the-front-door"
FILE: Final = f"""
view token {VIEW}
metrics token {METRICS}
view basic alice:{PASSWORD}
view key door {KEY}
"""
CLOSED: Final = [
    "/",
    "/cameras",
    "/favicon.ico",
    "/static/page.js",
    "/stream/video",
    "/stream/video/shm",
    "/stream/video/frame",
    "/stream/video/status",
    "/stream/nothing",
    "/stream/nothing/frame",
    "/nothing",
    "/metrics",
    "//stream/video",
    "/stream//video",
    "/stream/video/",
    "/%2e%2e/cameras",
    "/static/../cameras",
    "/static/%2e%2e/app.py",
]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def signed(credentials: Path, path: str, expires_in_s: float = 60) -> str:
    """Path and query of a signed address."""
    auth = AuthSettings.model_validate({"credentials_file": credentials})
    return signed_address(auth, path, int(time.time() + expires_in_s))


def replace(path: Path, text: str) -> None:
    """Put a new file in an old one's place, as a careful operator does."""
    beside = path.with_name("beside")
    beside.write_text(text, encoding="utf-8")
    beside.chmod(0o600)
    beside.replace(path)


def raw(api: Api, request: bytes) -> bytes:
    """Send bytes as they are and read all that comes."""
    target = urlsplit(api.url)
    answer = b""
    with socket.create_connection((target.hostname, target.port), timeout=10) as connection:
        connection.sendall(request)
        while more := connection.recv(65536):
            answer += more
    return answer
