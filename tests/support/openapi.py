"""The finite endpoints as an OpenAPI 3.1 document, for schemathesis.

The endless ones, ``/stream``, ``/stream/<camera>`` and ``/stream/video/shm``, are left out: whoever
waits for the end of their body waits forever.
"""

from __future__ import annotations

import re
from typing import Any, Final

__all__ = ["ENDLESS", "document", "openapi_path"]

ENDLESS: Final = {"/stream", "/stream/{camera}", "/stream/video/shm"}

_JSON: Final = {"application/json": {"schema": {"type": "object"}}}
_PROBLEM: Final = {
    "application/problem+json": {
        "schema": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {"status": {"type": "integer"}, "detail": {"type": "string"}},
        }
    }
}
_BYTES: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}
_RETRY: Final = {
    "Retry-After": {"required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}}
}
_NO_STORE: Final = {"Cache-Control": {"required": True, "schema": {"type": "string"}}}
_PICTURE_HEADERS: Final = {
    **_NO_STORE,
    "X-Frame-Number": {"required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}},
    "X-Online": {"required": True, "schema": {"enum": ["0", "1"]}},
}
_CAMERA: Final = {
    "name": "camera",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
    "example": "video",
}
_FILE: Final = {**_CAMERA, "name": "filename", "example": "page.css"}


def openapi_path(rule: str) -> str:
    """Spell a rule of Flask as OpenAPI does: ``/stream/<camera>`` is ``/stream/{camera}``."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def document() -> dict[str, Any]:
    """Build the document; the ranges are those of the default settings."""
    status, frame = _status(), _frame()
    page = _operation({"200": _answer({"text/html": _BYTES})})
    icon = _operation({"200": _answer({"image/svg+xml": _BYTES}), "304": _answer({})})
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ringcast, finite endpoints", "version": "0"},
        "paths": {
            "/": {"get": page},
            "/favicon.ico": {"get": icon},
            "/static/{filename}": {"get": _static()},
            "/cameras": {"get": _operation({"200": _answer(_JSON, _NO_STORE)})},
            "/healthz": {"get": _operation({"200": _answer(_JSON, _NO_STORE)})},
            "/readyz": {
                "get": _operation({"200": _answer(_JSON, _NO_STORE), "503": _answer(_JSON, _RETRY)})
            },
            "/snapshot": {"get": {**frame, "parameters": _query()}},
            "/state": {"get": _operation({"200": _answer(_JSON, _NO_STORE)})},
            "/ws": {"get": _operation({"426": _answer(_PROBLEM, _NO_STORE)})},
            "/stream/{camera}/frame": {"get": {**frame, "parameters": [_CAMERA, *_query()]}},
            "/stream/{camera}/status": {"get": {**status, "parameters": [_CAMERA]}},
            "/stream/video/shm/frame": {"get": {**frame, "parameters": _query()}},
            "/stream/video/shm/status": {"get": status},
        },
    }


def _answer(
    content: dict[str, Any], headers: dict[str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    return {"description": "-", "content": content, "headers": headers or {}}


def _operation(responses: dict[str, Any]) -> dict[str, Any]:
    """An operation; any method but GET, HEAD and OPTIONS is answered with 405."""
    refused = _answer(_PROBLEM, {"Allow": {"required": True, "schema": {"type": "string"}}})
    return {"responses": {"405": refused, **responses}}


def _status() -> dict[str, Any]:
    return _operation({"200": _answer(_JSON, _NO_STORE), "404": _answer(_PROBLEM)})


def _frame() -> dict[str, Any]:
    return _operation(
        {
            "200": _answer({"image/jpeg": _BYTES}, _PICTURE_HEADERS),
            "400": _answer(_PROBLEM, _NO_STORE),
            "404": _answer(_PROBLEM),
            "429": _answer(_PROBLEM),
            "503": _answer(_PROBLEM, _RETRY),
        }
    )


def _static() -> dict[str, Any]:
    files = {"text/css": _BYTES, "text/javascript": _BYTES, "image/svg+xml": _BYTES}
    responses = {"200": _answer(files), "304": _answer({}), "404": _answer(_PROBLEM)}
    return {**_operation(responses), "parameters": [_FILE]}


def _query() -> list[dict[str, Any]]:
    schemas: dict[str, dict[str, Any]] = {
        "quality": {
            "anyOf": [{"type": "integer", "minimum": 1, "maximum": 100}, {"const": "auto"}]
        },
        "width": {"type": "integer", "minimum": 1, "maximum": 7680},
        "height": {"type": "integer", "minimum": 1, "maximum": 4320},
        "fps": {"type": "number", "minimum": 1, "maximum": 60},
        "advance_headers": {"enum": ["0", "1"]},
    }
    return [{"name": name, "in": "query", "schema": schema} for name, schema in schemas.items()]
