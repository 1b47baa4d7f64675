"""The HTTP surface, one module per kind of answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import current_app, request

from services.api.connection import hung_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.access.door import Door
    from services.api.cameras import Cameras

__all__ = ["REQUEST_ID", "cameras", "client_address", "client_gone", "door"]

REQUEST_ID: Final = "ringcast.request_id"
"""Key of a request's environ: the id that its answer and its log lines carry."""


def cameras() -> Cameras:
    """The cameras of the application that answers the present request."""
    found: Cameras = current_app.extensions["ringcast"]
    return found


def door() -> Door:
    """What decides on requests to the application that answers the present one."""
    found: Door = current_app.extensions["ringcast_door"]
    return found


def client_address() -> str:
    """Address of the client of the present request; behind trusted proxies the real one."""
    return request.remote_addr or "unknown"


def client_gone() -> Callable[[], bool]:
    """A question that can be asked while waiting: has the client of the present request left?"""
    raw = request.environ.get("gunicorn.socket")  # not there without gunicorn
    return lambda: raw is not None and hung_up(raw)
