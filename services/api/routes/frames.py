"""``GET /stream/<camera>/frame``: one JPEG, captured after the request came in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, request

from services.api.routes import cameras, client_gone
from services.api.variant import parse_options
from shared.frame import MonotonicNs

if TYPE_CHECKING:
    from services.api.camera import Camera

__all__ = ["routes"]

routes = Blueprint("frames", __name__)

_PATIENCE_S: Final = 5.0
"""How long a source may take for its next frame; a camera of 1 fps needs one second."""


@routes.get("/stream/video/shm/frame")
def frame_shared_memory() -> Response:
    """One frame of the default camera from the Video Module's ring, whatever the mode."""
    return _frame(cameras().shared)


@routes.get("/stream/<camera>/frame")
def frame_camera(camera: str) -> Response:
    """One frame of a camera."""
    return _frame(cameras().named(camera))


def _frame(camera: Camera) -> Response:
    """Answer with a frame newer than the request: a snapshot is never yesterday's picture."""
    asked_at = MonotonicNs(time.monotonic_ns())
    options = parse_options(request.args, cameras().settings.api.stream)
    info = camera.wait_for_frame(asked_at, _PATIENCE_S, client_gone())
    jpeg = camera.snapshot(info, options.variant, asked_at)
    response = Response(jpeg.picture, content_type="image/jpeg")
    for name, value in jpeg.headers:
        response.headers[name] = value
    response.headers["Cache-Control"] = "no-store"
    return response
