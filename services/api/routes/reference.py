"""``GET /openapi.json`` and ``GET /docs``: what there is, for programs and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, make_response, render_template

from services.api.openapi.document import describe
from services.api.openapi.readable import chapters, range_in_words
from services.api.routes import cameras
from services.api.routes.page import harden
from shared.version import version

if TYPE_CHECKING:
    from services.api.openapi.parts import Json

__all__ = ["routes"]

routes = Blueprint("reference", __name__)


@routes.get("/openapi.json")
def openapi() -> Response:
    """The description as OpenAPI 3.1."""
    response = jsonify(_document())
    response.headers["Cache-Control"] = "no-cache"
    return response


@routes.get("/docs")
def docs() -> Response:
    """The same as a page, which needs no scripts."""
    document = _document()
    page = render_template(
        "reference.html",
        about=document["info"],
        chapters=chapters(document),
        schemas=document["components"]["schemas"],
        schemes=document["components"].get("securitySchemes", {}),
        in_words=range_in_words,
    )
    return harden(make_response(page))


def _document() -> Json:
    return describe(cameras().settings, version())
