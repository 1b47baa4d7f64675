"""``/healthz``: does the process answer; ``/readyz``: are there fresh frames to be had."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, jsonify

from services.api.routes import cameras
from services.api.routes.admission import granted
from services.api.routes.headers import uncached

__all__ = ["routes"]

routes = Blueprint("health", __name__)

_DETAILS: Final = ("camera", "online", "condition", "reason", "advice", "age_ms")


@routes.get("/healthz")
def healthz() -> Response:
    """Say that the process answers; a lost camera is not cured by restarting it."""
    return uncached(jsonify(status="ok"))


@routes.get("/readyz")
def readyz() -> Response:
    """Say whether the default camera gives fresh frames; a "no signal" frame counts as one.

    A server that shuts down is not ready. A stranger learns no more than that.
    """
    camera = cameras().default()
    leaving = cameras().lifecycle.leaving()
    ready = camera.fresh() and not leaving
    document: dict[str, object] = {
        "status": "ready" if ready else "shutting down" if leaving else "not ready"
    }
    if granted():
        status = camera.status()
        document |= {key: status[key] for key in _DETAILS}
    response = jsonify(document)
    if not ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        response.headers["Retry-After"] = "2"
    return uncached(response)
