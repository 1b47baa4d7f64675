"""``GET /ws``: many cameras over one connection, see ``services/api/websocket``."""

from __future__ import annotations

import base64
import binascii
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, request
from wsproto.utilities import generate_accept_token

from services.api import deadline
from services.api.connection import Connection
from services.api.routes import cameras, client_address, door
from services.api.routes.problems import problem
from services.api.websocket.session import Session

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator, MutableMapping
    from wsgiref.types import WSGIEnvironment

    from services.api.cameras import Cameras

__all__ = ["routes"]

log = logging.getLogger(__name__)

routes = Blueprint("websocket", __name__)

_PROTOCOL: Final = "ringcast.v1"
_VERSION: Final = "13"
_KEY_BYTES: Final = 16


class _Upgrade(Response):
    """An answer of status 101, whose body is the conversation: Flask's own would have none."""

    def get_app_iter(self, environ: WSGIEnvironment) -> Iterable[bytes]:
        """The conversation; ends with the connection."""
        del environ
        return self.iter_encoded()


@routes.get("/ws")  # for who asks like for anything else, and is to be told
@routes.get("/ws", websocket=True)
def websocket() -> Response:
    """Upgrade to WebSocket, or say why not."""
    wrong = _wrong_with_handshake()
    if wrong:
        headers = {"Upgrade": "websocket", "Sec-WebSocket-Version": _VERSION}
        return problem(HTTPStatus.UPGRADE_REQUIRED, wrong, headers)
    cameras().lifecycle.check()
    origin = request.headers.get("Origin")
    if not door().origins.may_connect(origin, request.host_url):
        return problem(
            HTTPStatus.FORBIDDEN,
            f"Pages of {origin!r} may not connect: api.http.cors_origins does not list it.",
        )
    token = generate_accept_token(request.headers["Sec-WebSocket-Key"].encode("latin-1"))
    response = _Upgrade(
        _converse(cameras(), client_address(), request.environ), "101 Switching Protocols"
    )
    response.headers["Upgrade"] = "websocket"
    response.headers["Connection"] = "upgrade"
    response.headers["Sec-WebSocket-Accept"] = token.decode("ascii")
    if _PROTOCOL in _listed("Sec-WebSocket-Protocol"):
        response.headers["Sec-WebSocket-Protocol"] = _PROTOCOL
    response.direct_passthrough = True
    del response.headers["Content-Type"]
    return response


def _listed(name: str) -> list[str]:
    return [each.strip() for each in request.headers.get(name, "").split(",")]


def _wrong_with_handshake() -> str:
    """Why it is no handshake (RFC 6455, section 4.2.1); empty: it is one."""
    if "websocket" not in [each.lower() for each in _listed("Upgrade")]:
        return "This is for WebSocket clients: connect to it with ws:// or wss://."
    if request.method != "GET" or request.environ["SERVER_PROTOCOL"] == "HTTP/1.0":
        return "Only a GET of HTTP/1.1 opens a WebSocket. A proxy may have made it HTTP/1.0."
    if "upgrade" not in [each.lower() for each in _listed("Connection")]:
        return "The request says Upgrade, but not Connection: Upgrade. A proxy may have dropped it."
    if request.headers.get("Sec-WebSocket-Version") != _VERSION:
        return "Only version 13 of WebSocket is spoken here (RFC 6455)."
    try:
        key = base64.b64decode(request.headers.get("Sec-WebSocket-Key", ""), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES or "gunicorn.socket" not in request.environ:
        return "Sec-WebSocket-Key must be 16 bytes in Base64."
    return ""


def _converse(cameras: Cameras, address: str, environ: MutableMapping[str, Any]) -> Iterator[bytes]:
    """Yield nothing, so that gunicorn sends the headers; then own the socket."""
    yield b""
    deadline.lift(environ)
    raw: socket.socket = environ["gunicorn.socket"]
    connection = Connection(raw, cameras.settings.api.stream.stall_timeout_sec)
    try:
        why = Session(connection, cameras, address).run()
        log.info("WebSocket of %s ended: %s", address, why)
    finally:
        connection.release()
