"""``GET /stream/<camera>/clock``: what time it is where a camera's frames come from.

A relay asks that now and then, so that the age of a frame is right at any depth of a tree. On the
origin it is the host's own wall clock; on a relay, its estimate of the origin's.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify

from services.api.routes import cameras
from services.api.routes.headers import uncached
from services.api.routes.problems import problem

if TYPE_CHECKING:
    from services.api.camera import Camera

__all__ = ["routes"]

routes = Blueprint("clock", __name__)


@routes.get("/stream/video/shm/clock")
def clock_shared_memory() -> Response:
    """The clock of the default camera's origin, whatever the mode."""
    return _clock(cameras().shared)


@routes.get("/stream/<camera>/clock")
def clock_camera(camera: str) -> Response:
    """The clock of a camera's origin."""
    return _clock(cameras().named(camera))


def _clock(camera: Camera) -> Response:
    origin = camera.origin()
    if not origin.clock_known:
        detail = "What time it is at the origin of the frames is not known here yet: ask again."
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "1"})
    newest = camera.feed.newest
    reason = newest.reason if newest else ""
    return uncached(
        jsonify(
            now_us=origin.wall_us(time.monotonic_ns()),
            doubt_us=origin.clock_doubt_us,
            hops=origin.hops,
            reason=reason,
        )
    )
