"""``GET /stream/<camera>/status`` and ``GET /cameras``: what is known, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify

from services.api.routes import cameras

if TYPE_CHECKING:
    from services.api.camera import Camera

__all__ = ["routes"]

routes = Blueprint("status", __name__)


@routes.get("/stream/video/shm/status")
def status_shared_memory() -> Response:
    """Status of the default camera in the Video Module's ring, whatever the mode."""
    return _status(cameras().shared)


@routes.get("/stream/<camera>/status")
def status_camera(camera: str) -> Response:
    """Status of a camera; the counters are this worker's, with ``_total`` those of all."""
    return _status(cameras().named(camera))


@routes.get("/cameras")
def list_cameras() -> Response:
    """Every camera with its addresses; the default one first."""
    listed = [
        {
            "name": name,
            "online": cameras().named(name).status()["online"],
            "stream": f"/stream/{name}",
            "frame": f"/stream/{name}/frame",
            "status": f"/stream/{name}/status",
        }
        for name in cameras().names()
    ]
    return _fresh(jsonify(cameras=listed))


def _status(camera: Camera) -> Response:
    return _fresh(jsonify(cameras().status(camera)))


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
