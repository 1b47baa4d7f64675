"""What holds for every request: nothing here takes a body, and no answer takes for ever."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from flask import abort, request

from services.api import deadline
from services.api.lifecycle import LARGEST_BODY
from services.api.routes import cameras

if TYPE_CHECKING:
    from flask import Flask, Response

__all__ = ["register"]

_STALLS: Final = 3
"""An answer may take as long as so many stalls of a stream."""


def register(app: Flask) -> None:
    """Have every request and every answer looked at."""
    app.before_request(_refuse_bodies)
    app.after_request(_limit_sending)


def _refuse_bodies() -> None:
    """Refuse what is large, or may become so; gunicorn then closes: see ``lifecycle.py``."""
    if "Transfer-Encoding" in request.headers:
        abort(HTTPStatus.LENGTH_REQUIRED, "Nothing here takes a body: send none.")
    if (request.content_length or 0) > LARGEST_BODY:
        abort(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"Nothing here takes a body, least of all one of more than {LARGEST_BODY} bytes.",
        )


def _limit_sending(response: Response) -> Response:
    stall_s = cameras().settings.api.stream.stall_timeout_sec
    deadline.limit(request.environ, _STALLS * stall_s)
    return response
