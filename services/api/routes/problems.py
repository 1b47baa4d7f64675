"""Errors as ``application/problem+json`` (RFC 9457): one shape for everything that goes wrong."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Response, request
from werkzeug.exceptions import HTTPException

from services.api.advice import CameraNotLive
from services.api.cameras import UnknownCamera
from services.api.lifecycle import Leaving
from services.api.mosaic.mosaics import TooManyMosaics
from services.api.query import BadParameters
from services.api.raw_room import NoRoomForRaw
from services.api.routes import REQUEST_ID, cameras
from services.api.seat import TooManyStreams
from services.api.snapshot import CameraOffline
from services.api.watched import TooManyVariants
from shared.errors import (
    EncodeError,
    FrameOverwritten,
    ProtocolError,
    RingUnavailable,
)

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["NotDelimited", "problem", "register"]

log = logging.getLogger(__name__)


class NotDelimited(Exception):  # noqa: N818 - named after the state
    """The answer would go out in chunks, and readers of raw MJPEG take those for picture bytes."""


def problem(
    status: HTTPStatus, detail: str, headers: dict[str, str] | None = None, **more: object
) -> Response:
    """Make one problem document.

    Args:
        status: Of the response.
        detail: What went wrong, a sentence.
        headers: Further ones of the response.
        more: Further members of the document.
    """
    document = {"type": "about:blank", "title": status.phrase, "status": status.value}
    if REQUEST_ID in request.environ:
        more["request_id"] = request.environ[REQUEST_ID]
    text = json.dumps({**document, "detail": detail, **more}) + "\n"
    response = Response(text, status.value, headers, "application/problem+json")
    response.headers["Cache-Control"] = "no-store"
    return response


def register(app: Flask) -> None:
    """Turn every error of the tree, of HTTP and of ours, into its problem."""
    app.register_error_handler(CameraNotLive, _not_live)
    app.register_error_handler(CameraOffline, _offline)
    app.register_error_handler(RingUnavailable, _no_frame)
    app.register_error_handler(FrameOverwritten, _no_frame)
    app.register_error_handler(ProtocolError, _no_frame)
    app.register_error_handler(Leaving, _leaving)
    app.register_error_handler(TooManyStreams, _too_many)
    app.register_error_handler(NoRoomForRaw, _no_room)
    app.register_error_handler(TooManyVariants, _too_many_variants)
    app.register_error_handler(TooManyMosaics, _too_many_mosaics)
    app.register_error_handler(NotDelimited, _not_delimited)
    app.register_error_handler(EncodeError, _stream_error)
    app.register_error_handler(BadParameters, _bad_parameters)
    app.register_error_handler(UnknownCamera, _unknown_camera)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _not_live(error: CameraNotLive) -> Response:
    headers = {"Retry-After": "2"}
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, error.advice, headers, why=error.why)


def _offline(error: CameraOffline) -> Response:
    headers = {"Retry-After": "2"}
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers, why=error.why)


def _no_frame(error: Exception) -> Response:
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE, f"No frame to be had: {error}", {"Retry-After": "1"}
    )


def _leaving(error: Leaving) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": "1"})


def _too_many(error: TooManyStreams) -> Response:
    headers = {"Retry-After": "10"}
    more = {"limit": error.limit, "setting": error.setting}
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers, **more)


def _no_room(error: NoRoomForRaw) -> Response:
    headers, more = {"Retry-After": "10"}, {"setting": "api.limits.max_raw_mb"}
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers, limit=error.limit_mb, **more
    )


def _too_many_variants(error: TooManyVariants) -> Response:
    headers, more = {"Retry-After": "10"}, {"setting": "api.limits.max_variants"}
    return problem(
        HTTPStatus.TOO_MANY_REQUESTS, str(error), headers, variants=error.watched, **more
    )


def _too_many_mosaics(error: TooManyMosaics) -> Response:
    headers, more = {"Retry-After": "10"}, {"setting": "api.mosaic.max"}
    return problem(HTTPStatus.TOO_MANY_REQUESTS, str(error), headers, mosaics=error.running, **more)


def _not_delimited(error: NotDelimited) -> Response:
    del error
    detail = "A stream is only given as HTTP/1.0. Ask for it so, by its usual address."
    return problem(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, detail)


def _stream_error(error: EncodeError) -> Response:
    log.error("stream generation error: %s", error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "stream generation error", why=str(error))


def _bad_parameters(error: BadParameters) -> Response:
    listed = [{"name": p.name, "value": p.value, "allowed": p.allowed} for p in error.problems]
    return problem(HTTPStatus.BAD_REQUEST, str(error), parameters=listed)


def _unknown_camera(error: UnknownCamera) -> Response:
    return problem(HTTPStatus.NOT_FOUND, str(error), cameras=error.known)


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return Response(error.get_response().get_data(), error.code, dict(error.get_headers()))
    status = HTTPStatus(error.code)
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    if status is HTTPStatus.NOT_FOUND:
        known = cameras().names()
        detail = f"There is nothing at {request.path}. Known cameras: {', '.join(known)}."
        return problem(status, detail, cameras=known)
    return problem(status, error.description or status.phrase, headers)


def _unexpected(error: Exception) -> Response:
    log.error("stream generation error at %s", request.path, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "stream generation error")
