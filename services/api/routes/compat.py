"""What clients of mjpg-streamer and µStreamer ask for, answered as they expect it.

``/?action=stream`` and ``/?action=snapshot`` (of the Nth camera ``stream_N``, counted from 0),
``/stream``, ``/snapshot`` and ``/state``: all of the default camera. Who switches changes a port.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, jsonify, request

from services.api import mjpeg
from services.api.advice import CameraNotLive
from services.api.framing import facts_of, framing_of, times_of
from services.api.routes import cameras, client_gone
from services.api.routes.endless import HEADERS, serve_stream
from services.api.routes.headers import uncached
from services.api.routes.status import client_list
from services.api.variant import BadParameter, BadParameters, parse_options
from shared.errors import RingUnavailable
from shared.frame import MonotonicNs

if TYPE_CHECKING:
    from services.api.camera import Camera
    from services.api.encoded import EncodedFrame
    from services.api.variant import Variant

__all__ = ["act", "routes"]

routes = Blueprint("compat", __name__)

_ACTION: Final = re.compile(r"(stream|snapshot)(?:_([0-9]{1,4}))?")
_PATIENCE_S: Final = 3.0
"""How long the next frame may take; where no Video Module lives nobody waits, as at µStreamer."""
_SWITCHES: Final = ("extra_headers", "advance_headers", "dual_final_frames", "zero_data")
_COOKIE_S: Final = 30
"""For so long the cookie says which of ``clients_stat`` the client is; µStreamer's number."""


@routes.get("/stream")
def stream() -> Response:
    """Stream the default camera; a cookie tells the client which one it is in ``/state``."""
    return _stream(cameras().default())


@routes.get("/snapshot")
def snapshot() -> Response:
    """One JPEG of the default camera, newer than the request; "no signal" if there is none."""
    return _snapshot(cameras().default())


@routes.get("/state")
def state() -> Response:
    """How the default camera and its clients fare, in µStreamer's shape."""
    return uncached(jsonify(ok=True, result=_state(cameras().default())))


def act(action: str) -> Response:
    """Answer ``/?action=…``.

    Raises:
        BadParameters: There is no such action, or no such camera.
    """
    found = _ACTION.fullmatch(action)
    names = cameras().names()
    number = int(found[2] or 0) if found else 0
    if found is None or number >= len(names):
        ending = f"one of them with the number of a camera, _0 to _{len(names) - 1}"
        allowed = f"stream or snapshot, or {ending}"
        raise BadParameters([BadParameter("action", action[:80], allowed)])
    camera = cameras().named(names[number])
    return _stream(camera) if found[1] == "stream" else _snapshot(camera)


def _stream(camera: Camera) -> Response:
    options = parse_options(request.args, cameras().settings.api.stream)
    response = serve_stream(camera, options, lambda *_: framing_of(options))
    name = f"{options.key or 0}/{response.headers['X-Client-Id']}"
    cookie = f"stream_client={name}; Path=/; Max-Age={_COOKIE_S}; SameSite=Lax"
    response.headers["Set-Cookie"] = cookie
    return response


def _snapshot(camera: Camera) -> Response:
    options = parse_options(request.args, cameras().settings.api.stream)
    frame = _newest(camera, options.variant)
    told = [*facts_of(frame, 0), *times_of(frame, "Timestamp", time.monotonic_ns())]
    headers = HEADERS | dict(frame.headers) | dict(mjpeg.hop_headers(frame.hops)) | dict(told)
    return Response(frame.picture, headers=headers, content_type="image/jpeg")


def _newest(camera: Camera, variant: Variant) -> EncodedFrame:
    """A picture newer than the request; without a Video Module the blank, as µStreamer does."""
    asked_at = MonotonicNs(time.monotonic_ns())
    if not camera.online():
        return camera.blank(variant)
    try:
        info = camera.wait_for_frame(asked_at, _PATIENCE_S, client_gone())
    except (CameraNotLive, RingUnavailable):
        return camera.blank(variant)
    return camera.snapshot(info, variant, asked_at)


def _state(camera: Camera) -> dict[str, Any]:
    status = camera.status()
    clients = _client_stats(camera)
    jpegs = status["pixel_format"] == "JPEG"
    fps = round(status["fps"])
    wanted = cameras().settings.video.device.fps
    quality = cameras().settings.api.stream.quality.default_jpeg_quality
    return {
        "instance_id": "",
        "encoder": {"type": "HW" if jpegs else "CPU", "quality": quality},
        "source": {
            "resolution": {"width": status["width"] or 0, "height": status["height"] or 0},
            "online": status["online"],
            "desired_fps": round(wanted) if wanted else fps,
            "captured_fps": fps,
        },
        "stream": {
            "queued_fps": max((client["fps"] for client in clients.values()), default=0),
            "clients": len(clients),
            "clients_stat": clients,
        },
    }


def _client_stats(camera: Camera) -> dict[str, dict[str, Any]]:
    """The clients by their ids."""
    return {
        client["id"]: {
            "fps": round(client["fps"]),
            "key": client["key"] or "",
            **{name: client[name] for name in _SWITCHES},
        }
        for client in client_list(camera)
    }
