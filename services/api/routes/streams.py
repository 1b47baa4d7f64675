"""``GET /stream/<camera>``: the endless picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from services.api.framing import framing_of
from services.api.routes import cameras
from services.api.routes.endless import serve_stream
from services.api.variant import parse_options

if TYPE_CHECKING:
    from services.api.camera import Camera

__all__ = ["routes"]

routes = Blueprint("streams", __name__)


@routes.get("/stream/video/shm")
def stream_shared_memory() -> Response:
    """Stream the default camera from the Video Module's ring, whatever the mode."""
    return _stream(cameras().shared)


@routes.get("/stream/<camera>")
def stream_camera(camera: str) -> Response:
    """Stream a camera; the default one as ``video.use_shared_memory`` says."""
    return _stream(cameras().named(camera))


def _stream(camera: Camera) -> Response:
    limits = cameras().settings.api.stream
    options = parse_options(request.args, limits)
    if "X-Hops" in request.headers and "fps" not in request.args:
        options = replace(options, fps=limits.framerate.max_fps)  # a relay's clients choose there
    return serve_stream(camera, options, lambda *_: framing_of(options))
