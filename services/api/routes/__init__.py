"""The HTTP surface, one module per kind of answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, request

from services.api.connection import hung_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.cameras import Cameras

__all__ = ["cameras", "client_address", "client_gone"]


def cameras() -> Cameras:
    """The cameras of the application that answers the present request."""
    found: Cameras = current_app.extensions["ringcast"]
    return found


def client_address() -> str:
    """Address of the client of the present request."""
    return request.remote_addr or ""


def client_gone() -> Callable[[], bool]:
    """A question that can be asked while waiting: has the client of the present request left?"""
    raw = request.environ.get("gunicorn.socket")  # not there without gunicorn
    return lambda: raw is not None and hung_up(raw)
