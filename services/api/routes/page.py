"""``GET /``: the first page: live picture, which camera, links to everything else."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, current_app, make_response, render_template, request

from services.api.routes import cameras
from services.api.routes.compat import act

__all__ = ["harden", "routes"]

routes = Blueprint("page", __name__)

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

_NO_FEATURES: Final = "camera=(), display-capture=(), geolocation=(), microphone=(), usb=()"
"""The page shows pictures; it needs nothing of the browser's machine."""


@routes.get("/")
def page() -> Response:
    """The page; it works without scripts too, only less comfortably."""
    if "action" in request.args:  # mjpg-streamer's clients
        return act(request.args["action"])
    names, stream = cameras().names(), cameras().settings.api.stream
    asked = request.args.get("camera")
    body = render_template(
        "index.html",
        cameras=names,
        chosen=asked if asked in names else next(iter(names), None),
        quality=stream.quality,
        resolution=stream.resolution,
        framerate=stream.framerate,
    )
    return harden(make_response(body))


def harden(response: Response) -> Response:
    """Say what a page of ours may do and what not: nothing from elsewhere, no frame elsewhere."""
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Frame-Options"] = "SAMEORIGIN"  # for browsers without frame-ancestors
    response.headers["Permissions-Policy"] = _NO_FEATURES
    return response


@routes.get("/favicon.ico")
def favicon() -> Response:
    """The icon under the name browsers ask for by themselves."""
    return current_app.send_static_file("favicon.svg")
