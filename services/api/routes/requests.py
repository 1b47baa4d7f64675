"""What holds for every request: it has an id, takes no body, and its answer takes not for ever.

The id stands in every log line of the request, a stream's last one too, in ``X-Request-ID`` of the
answer and in problem documents. A trusted proxy may have chosen it, nobody else.
"""

from __future__ import annotations

import re
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from flask import abort, request

from services.api import deadline
from services.api.access.proxies import FROM_TRUSTED
from services.api.lifecycle import LARGEST_BODY
from services.api.routes import REQUEST_ID, cameras
from shared import request_context

if TYPE_CHECKING:
    from flask import Flask, Response

__all__ = ["identify", "register"]

_STALLS: Final = 3
"""An answer may take as long as so many stalls of a stream."""


_SANE_ID: Final = re.compile(r"[A-Za-z0-9._:+/=-]{1,128}")
_ID_BYTES: Final = 8


def identify(app: Flask) -> None:
    """Give every request its id before anything else can answer it."""
    app.before_request(_bind_id)
    app.after_request(_tell_id)


def register(app: Flask) -> None:
    """Have every request and every answer looked at."""
    app.before_request(_refuse_bodies)
    app.after_request(_limit_sending)


def _bind_id() -> None:
    """Until gunicorn's ``post_request`` hook: what logs after the last byte belongs to it too."""
    given = request.headers.get("X-Request-ID", "")
    taken = request.environ.get(FROM_TRUSTED) and _SANE_ID.fullmatch(given)
    request_id = given if taken else secrets.token_hex(_ID_BYTES)
    request.environ[REQUEST_ID] = request_id
    request_context.bind(request_id=request_id)


def _tell_id(response: Response) -> Response:
    if REQUEST_ID in request.environ:
        response.headers["X-Request-ID"] = request.environ[REQUEST_ID]
    return response


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
