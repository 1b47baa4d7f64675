"""``/healthz``: does the process answer; ``/readyz``: are there fresh frames to be had."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, jsonify

from services.api.routes import cameras

__all__ = ["routes"]

routes = Blueprint("health", __name__)


@routes.get("/healthz")
def healthz() -> Response:
    """Say that the process answers; a lost camera is not cured by restarting it."""
    return _fresh(jsonify(status="ok"))


@routes.get("/readyz")
def readyz() -> Response:
    """Say whether the default camera gives fresh frames; a "no signal" frame counts as one."""
    camera = cameras().default()
    status = camera.status()
    ready = camera.fresh()
    keys = ("camera", "online", "condition", "reason", "advice", "age_ms")
    document = {"status": "ready" if ready else "not ready", **{key: status[key] for key in keys}}
    response = jsonify(document)
    if not ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        response.headers["Retry-After"] = "2"
    return _fresh(response)


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
