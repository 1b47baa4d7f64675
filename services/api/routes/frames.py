"""``GET /stream/<camera>/frame``: one picture, by default captured after the request came in.

``/frame/raw`` is the same frame as pixels. How new it must be, and what is answered where there is
none: ``services/api/freshness.py`` and ``snapshots.py``.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from services.api import mjpeg, npy
from services.api.freshness import parse_picture, parse_raw_picture
from services.api.routes import cameras, client_gone
from services.api.snapshot import NothingNewer, NotModified, Wish

if TYPE_CHECKING:
    from services.api.camera import Camera
    from services.api.freshness import PictureOptions
    from services.api.snapshot import Snapshot

__all__ = ["routes"]

routes = Blueprint("frames", __name__)


@routes.get("/stream/video/shm/frame")
def frame_shared_memory() -> Response:
    """One frame of the default camera from the Video Module's ring, whatever the mode."""
    return _frame(cameras().shared)


@routes.get("/stream/<camera>/frame")
def frame_camera(camera: str) -> Response:
    """One frame of a camera."""
    return _frame(cameras().named(camera))


@routes.get("/stream/video/shm/frame/raw")
def raw_frame_shared_memory() -> Response:
    """One uncompressed frame of the default camera from the Video Module's ring."""
    return _raw_frame(cameras().shared)


@routes.get("/stream/<camera>/frame/raw")
def raw_frame_camera(camera: str) -> Response:
    """One uncompressed frame of a camera."""
    return _raw_frame(cameras().named(camera))


def _frame(camera: Camera) -> Response:
    return _answer(camera, parse_picture(request.args, cameras().settings.api.stream))


def _raw_frame(camera: Camera) -> Response:
    return _answer(camera, parse_raw_picture(request.args, cameras().settings.api.stream))


def _answer(camera: Camera, options: PictureOptions) -> Response:
    """Answer with the picture, or that there is none for this client."""
    container = "-npy" if options.npy else ""
    known = request.if_none_match
    try:
        snapshot = camera.snapshots.take(
            Wish(
                options.variant,
                options.freshness,
                lambda tag: known.contains_weak(tag + container),
                client_gone(),
            )
        )
    except NotModified as same:
        response = _without_body(HTTPStatus.NOT_MODIFIED)
        response.set_etag(same.tag + container)
    except NothingNewer:
        response = _without_body(HTTPStatus.NO_CONTENT)
        response.headers["Retry-After"] = "1"
    else:
        response = _picture(camera, snapshot, npy_file=options.npy)
        response.set_etag(snapshot.tag + container)
    response.headers["Cache-Control"] = "no-store"
    return response


def _without_body(status: HTTPStatus) -> Response:
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response


def _picture(camera: Camera, snapshot: Snapshot, *, npy_file: bool) -> Response:
    frame = snapshot.frame
    room = None if frame.encoding.lossy else camera.raw_room.hold(frame.size_bytes)
    headers = dict(frame.headers) | dict(mjpeg.hop_headers(frame.hops))
    headers["X-Age-Ms"] = f"{max(0, time.monotonic_ns() - frame.captured_at) / 1e6:.0f}"
    if snapshot.stale:
        headers |= {"X-Online": "0", "X-Stale": "1"}
    if npy_file:
        shape = tuple(map(int, headers["X-Shape"].split(",")))
        body = [npy.npy_header(shape), frame.picture]
        response = Response(body, headers=headers, content_type=npy.CONTENT_TYPE)
    else:
        content_type = frame.encoding.content_type
        response = Response(frame.picture, headers=headers, content_type=content_type)
    if room is not None:
        response.call_on_close(room.leave)
    return response
