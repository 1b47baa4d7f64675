"""``GET /metrics``: the numbers of all workers, for Prometheus and all that read its format."""

from __future__ import annotations

from flask import Blueprint, Response, request

from services.api.exposition import expose
from services.api.routes import cameras
from services.api.routes.headers import uncached

__all__ = ["routes"]

routes = Blueprint("metrics", __name__)


@routes.get("/metrics")
def metrics() -> Response:
    """Every number, the same whichever worker is asked; OpenMetrics for those who accept it."""
    body, content_type = expose(cameras(), request.headers.get("Accept", ""))
    return uncached(Response(body, content_type=content_type))
