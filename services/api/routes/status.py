"""``GET /stream/<camera>/status`` and ``GET /cameras``: what is known, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify

from services.api.access.scopes import Scope
from services.api.routes import cameras
from services.api.routes.admission import granted
from services.api.routes.headers import uncached

if TYPE_CHECKING:
    from services.api.camera import Camera

__all__ = ["client_list", "routes"]

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
    """Every camera there is now, with its addresses; the default one first."""
    return uncached(jsonify(cameras=[_listed(cameras().named(name)) for name in cameras().names()]))


def _listed(camera: Camera) -> dict[str, Any]:
    name = camera.name
    return {
        "name": name,
        "online": camera.shows(),
        "condition": str(camera.condition()),
        "why": camera.why(),
        "stream": f"/stream/{name}",
        "frame": f"/stream/{name}/frame",
        "status": f"/stream/{name}/status",
    }


def client_list(camera: Camera) -> list[dict[str, Any]]:
    """A camera's clients in all workers, as whoever asks may see them.

    Where a client is and what it calls itself is its own affair: that is told to admins, others get
    None.
    """
    hidden = {} if Scope.ADMIN in granted() else {"address": None, "key": None}
    return [client | hidden for client in cameras().clients(camera)]


def _status(camera: Camera) -> Response:
    return uncached(jsonify(cameras().status(camera) | {"client_list": client_list(camera)}))
