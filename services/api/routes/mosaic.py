"""``GET /stream/mosaic?cameras=…&cols=…``: several cameras in one picture, one picture, status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, request

from services.api.framing import framing_of
from services.api.mosaic.wish import parse_mosaic
from services.api.routes import cameras
from services.api.routes.endless import serve_stream
from services.api.routes.frames import answer_frame
from services.api.routes.headers import uncached
from services.api.routes.status import status_document
from services.api.variant import parse_options

if TYPE_CHECKING:
    from services.api.mosaic.wish import Mosaic

__all__ = ["routes"]

routes = Blueprint("mosaic", __name__)


@routes.get("/stream/mosaic")
def stream_mosaic() -> Response:
    """Stream a mosaic."""
    options = parse_options(request.args, cameras().settings.api.stream)
    return serve_stream(
        cameras().mosaics.ask(_asked_for()), options, lambda *_: framing_of(options)
    )


@routes.get("/stream/mosaic/frame")
def frame_mosaic() -> Response:
    """One picture of a mosaic."""
    return answer_frame(cameras().mosaics.ask(_asked_for()))


@routes.get("/stream/mosaic/status")
def status_mosaic() -> Response:
    """Status of a mosaic: a camera's, and which cameras it shows."""
    mosaic, mosaics = _asked_for(), cameras().mosaics
    camera = mosaics.ask(mosaic)
    about = {"mosaic": mosaics.status(mosaic)}
    return uncached(jsonify(status_document(camera) | about))


def _asked_for() -> Mosaic:
    """The mosaic that the query names.

    Raises:
        BadParameters: Cameras or columns are not possible.
        UnknownCamera: It names a camera that there is none of.
    """
    known = cameras()
    return parse_mosaic(
        request.args,
        known.names(),
        lambda name: known.named(name).paths,
        known.settings.api.mosaic,
    )
