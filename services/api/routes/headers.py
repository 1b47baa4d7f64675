"""What every answer says to browsers: what they may do with it, and what not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import request

from services.api.routes import door

if TYPE_CHECKING:
    from flask import Flask, Response

__all__ = ["register", "uncached"]

_ALWAYS: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_READABLE: Final = ("X-", "Retry-After", "ETag")
"""Headers that scripts of other pages may read, where their origin is allowed."""


def register(app: Flask) -> None:
    """Have every answer completed."""
    app.after_request(_complete)


def uncached(response: Response) -> Response:
    """Have nobody keep an answer: it says how things are now."""
    response.headers["Cache-Control"] = "no-store"
    return response


def _complete(response: Response) -> Response:
    readable = sorted(name for name, _ in response.headers if name.startswith(_READABLE))
    origin = request.headers.get("Origin")
    for name, value in door().origins.headers(origin, readable).items():
        if name == "Vary":
            response.vary.add(value)
        else:
            response.headers.setdefault(name, value)
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    response.headers["Cross-Origin-Resource-Policy"] = door().resource_policy
    if door().gate is not None and "no-store" not in response.headers.get("Cache-Control", ""):
        # static files are the same for everybody, but kept by nobody else than who may have them
        private = request.endpoint == "static"
        response.headers["Cache-Control"] = "private, no-cache" if private else "no-store"
    return response
