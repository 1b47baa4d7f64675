"""``GET /stream/<camera>/raw``: the endless picture, uncompressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from services.api.encoding import Encoding
from services.api.framing import MultipartFraming
from services.api.routes import cameras
from services.api.routes.endless import serve_stream
from services.api.variant import parse_raw_options
from services.api.y4m import Y4mFraming, told_rate

if TYPE_CHECKING:
    from contextlib import ExitStack

    from services.api.camera import Camera
    from services.api.encoded import EncodedFrame
    from services.api.framing import Framing

__all__ = ["routes"]

routes = Blueprint("raw", __name__)


@routes.get("/stream/video/shm/raw")
def raw_shared_memory() -> Response:
    """Stream uncompressed frames of the default camera from the Video Module's ring."""
    return _raw(cameras().shared)


@routes.get("/stream/<camera>/raw")
def raw_camera(camera: str) -> Response:
    """Stream uncompressed frames of a camera."""
    return _raw(cameras().named(camera))


def _raw(camera: Camera) -> Response:
    options = parse_raw_options(request.args, cameras().settings.api.stream)

    def framing_for(first: EncodedFrame, held: ExitStack) -> Framing:
        held.callback(camera.raw_room.hold(first.part.size_bytes).leave)
        if options.variant.encoding is Encoding.I420:
            return Y4mFraming(first, told_rate(options.fps, camera.feed.fps()))
        return MultipartFraming()

    kind = "y4m" if options.variant.encoding is Encoding.I420 else "raw"
    return serve_stream(camera, options, framing_for, kind)
