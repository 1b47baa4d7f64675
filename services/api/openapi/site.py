"""Numbers, health, pages and files: everything that is not a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.api.openapi import problems
from services.api.openapi.parameters import CAMERA, named
from services.api.openapi.parts import (
    METRICS,
    NOBODY,
    NUMBERS,
    OPEN,
    Json,
    Operation,
    body,
    header,
    ref,
    response,
)

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = ["CAMERAS", "CLOCK", "operations"]

_FRESH: Final = ("Cache-Control",)
_HTML: Final = "text/html; charset=utf-8"
_POLICY: Final = {
    "Content-Security-Policy": header("Nothing from elsewhere.", {"type": "string"}),
}
_PAGE_POLICY: Final = {
    "Content-Security-Policy": header("Of the page.", {"type": "string"}, required=False),
}
_UNCHANGED: Final[Json] = response("It has not changed: see ETag and If-None-Match.")
_PART: Final[Json] = response("The range that was asked for.", body("*/*"))

CAMERAS: Final[Json] = {
    "type": "object",
    "required": ["cameras"],
    "properties": {
        "cameras": {
            "type": "array",
            "description": "The default one first.",
            "items": {
                "type": "object",
                "required": ["name", "online", "condition", "why", "stream", "frame", "status"],
                "properties": {
                    "name": {"type": "string"},
                    "online": {"type": "boolean", "description": "Whether it shows pictures."},
                    "condition": {
                        "type": "string",
                        "enum": ["live", "stalled", "gone", "incompatible"],
                        "description": "How its Video Module fares.",
                    },
                    "why": {"type": "string", "description": "Why it is not live."},
                    "stream": {"type": "string", "description": "Path of its stream."},
                    "frame": {"type": "string", "description": "Path of a fresh picture."},
                    "status": {"type": "string", "description": "Path of its numbers."},
                },
            },
        }
    },
}


CLOCK: Final[Json] = {
    "type": "object",
    "required": ["now_us", "doubt_us", "hops", "reason"],
    "properties": {
        "now_us": {"type": "integer", "description": "Microseconds since 1970, at the origin."},
        "doubt_us": {"type": "integer", "description": "What that may be wrong by at most."},
        "hops": {"type": "array", "items": {"type": "string"}},
        "reason": {"type": "string", "description": "Why the newest frame is a blank."},
    },
}


def operations(settings: Settings, *, guarded: bool) -> dict[str, Operation]:
    """Everything that is not a picture, by address.

    Args:
        settings: In force.
        guarded: Whether credentials are needed.
    """
    return _numbers(settings) | _health() | _pages(guarded=guarded)


def _numbers(settings: Settings) -> dict[str, Operation]:
    status = response("The numbers.", body("application/json", ref("schemas", "Status")), _FRESH)
    unknown = problems.unknown_camera(list(settings.camera_segments()))
    cameras = body("application/json", ref("schemas", "Cameras"))
    clock = response("The time.", body("application/json", ref("schemas", "Clock")), _FRESH)
    unset = problems.no_frame("Of a relay that does not know it yet.")
    return {
        "/stream/{camera}/status": Operation(
            "statusOfCamera",
            "numbers",
            "How a camera and its clients fare",
            "Counters are those of the worker that answers; with _total, of all workers.",
            {"200": status, "404": unknown},
            (CAMERA,),
            NUMBERS,
        ),
        "/stream/video/shm/status": Operation(
            "statusSharedMemory",
            "numbers",
            "How the Video Module's ring fares",
            "As /stream/{camera}/status, of the default camera in the Video Module's ring, "
            "whatever the mode.",
            {"200": status},
            scopes=NUMBERS,
        ),
        "/stream/{camera}/clock": Operation(
            "clockOfCamera",
            "numbers",
            "What time it is at the origin of the frames",
            "For relays: by this the age of a frame is right at any depth of a tree.",
            {"200": clock, "404": unknown, "503": unset},
            (CAMERA,),
        ),
        "/stream/video/shm/clock": Operation(
            "clockSharedMemory",
            "numbers",
            "What time it is at the origin of the Video Module's frames",
            "As /stream/{camera}/clock, of the default camera in the Video Module's ring, "
            "whatever the mode.",
            {"200": clock, "503": unset},
        ),
        "/metrics": Operation(
            "metrics",
            "numbers",
            "All numbers, for Prometheus",
            "The same whichever worker answers. OpenMetrics where Accept asks for it.",
            {
                "200": response(
                    "The numbers.",
                    body("text/plain; version=0.0.4; charset=utf-8", {"type": "string"})
                    | body(
                        "application/openmetrics-text; version=1.0.0; charset=utf-8",
                        {"type": "string"},
                    ),
                    _FRESH,
                )
            },
            scopes=METRICS,
        ),
        "/cameras": Operation(
            "listCameras",
            "numbers",
            "Every camera with its addresses",
            "The default camera comes first. With api.discover_cameras they are those of now.",
            {"200": response("The cameras.", cameras, _FRESH)},
            scopes=NUMBERS,
        ),
    }


def _health() -> dict[str, Operation]:
    alive: Json = {"type": "object", "properties": {"status": {"const": "ok"}}}
    ready = body("application/json", ref("schemas", "Readiness"))
    return {
        "/healthz": Operation(
            "isAlive",
            "health",
            "Does the process answer",
            "A lost camera is not cured by restarting the API, so it plays no part here.",
            {"200": response("It does.", body("application/json", alive), _FRESH)},
            scopes=NOBODY,
        ),
        "/readyz": Operation(
            "isReady",
            "health",
            "Are there fresh frames",
            "Of the default camera; a blank counts as one. A stranger learns the status only.",
            {
                "200": response("There are.", ready, _FRESH),
                "503": response(
                    "There are none, or the server shuts down.", ready, (*_FRESH, "Retry-After")
                ),
            },
            scopes=OPEN,
        ),
    }


def _pages(*, guarded: bool) -> dict[str, Operation]:
    file: Json = {
        "name": "filename",
        "in": "path",
        "required": True,
        "description": "Name of the file.",
        "schema": {"type": "string", "minLength": 1},
        "example": "page.css",
    }
    no_range = problems.range_not_satisfiable()
    files: Json = {}
    for kind in ("text/css; charset=utf-8", "text/javascript; charset=utf-8", "image/svg+xml"):
        files |= body(kind)
    return {
        "/": Operation(
            "page",
            "pages",
            "The page",
            "The live picture, which camera, links to everything else. With action it is what "
            "mjpg-streamer gives: see /stream and /snapshot, whose parameters it takes then.",
            {
                "200": response(
                    "The page.", body(_HTML) | body("image/jpeg"), _FRESH, _PAGE_POLICY
                ),
                "400": problems.bad_parameters(),
                "429": problems.too_many_variants(guarded=guarded),
                "500": problems.failed(),
                "503": problems.no_frame("With action=stream only."),
                "505": problems.not_delimited(),
            },
            named("action", "cameraShown"),
        ),
        "/docs": Operation(
            "reference",
            "pages",
            "This description, readable",
            "The same document as a page, without scripts.",
            {"200": response("The page.", body(_HTML), _FRESH, _POLICY)},
            scopes=NUMBERS,
        ),
        "/openapi.json": Operation(
            "description",
            "pages",
            "This description",
            "OpenAPI 3.1, with the cameras and the ranges of the settings in force.",
            {
                "200": response(
                    "The document.", body("application/json", {"type": "object"}), _FRESH
                )
            },
            scopes=NUMBERS,
        ),
        "/favicon.ico": Operation(
            "icon",
            "pages",
            "The icon",
            "Under the name browsers ask for by themselves.",
            {
                "200": response("The icon.", body("image/svg+xml")),
                "206": _PART,
                "304": _UNCHANGED,
                "416": no_range,
            },
        ),
        "/static/{filename}": Operation(
            "file",
            "pages",
            "Files of the pages",
            "Style sheets, scripts and the icon.",
            {
                "200": response("The file.", files),
                "206": _PART,
                "304": _UNCHANGED,
                "404": problems.nothing_there(),
                "416": no_range,
            },
            (file,),
        ),
    }
