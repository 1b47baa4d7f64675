"""Several cameras in one picture."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from services.api.mosaic.wish import MAX_CAMERAS, MAX_COLUMNS
from services.api.openapi import problems
from services.api.openapi.parameters import FRESHNESS, STREAM, named
from services.api.openapi.parts import Json, Operation, body, query, ref, response
from services.api.openapi.pictures import frame_responses, stream_responses

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = ["STATUS", "operations", "parameters"]

_WHICH: Final = ("cameras", "cols")
_WHOLE: Final[Json] = {"type": "integer", "minimum": 0}
_CAMERAS: Final[Json] = {"type": "array", "items": {"type": "string"}}

STATUS: Final[Json] = {
    "allOf": [ref("schemas", "Status")],
    "type": "object",
    "required": ["mosaic"],
    "properties": {
        "mosaic": {
            "type": "object",
            "required": ["cameras", "cols", "tile", "composed_here"],
            "properties": {
                "cameras": {**_CAMERAS, "description": "Row by row."},
                "cols": _WHOLE,
                "tile": {
                    "type": "array",
                    "items": _WHOLE,
                    "description": "Width and height of a camera's part, pixels.",
                },
                "composed_here": {
                    "type": "boolean",
                    "description": "Whether the worker that answers composes it for all.",
                },
                "composed": {**_WHOLE, "description": "Pictures that this worker composed."},
                "compose_ms": {
                    "type": "number",
                    "description": "What one took on average, of one thread, milliseconds.",
                },
            },
        }
    },
}


def operations(settings: Settings, *, guarded: bool) -> dict[str, Operation]:
    """What answers with mosaics, by address.

    Args:
        settings: In force.
        guarded: Whether credentials are needed.
    """
    most = settings.api.mosaic.max
    also = {
        "404": problems.unknown_camera(list(settings.camera_segments())),
        "429": _too_many(most, guarded=guarded),
    }
    status = body("application/json", ref("schemas", "MosaicStatus"))
    return {
        "/stream/mosaic": Operation(
            "streamMosaic",
            "streams",
            "Several cameras in one live picture",
            "An endless MJPEG stream, as of a camera: composed once and encoded once however many "
            "watch. Each part of it bears its camera's name; a camera that gives nothing shows why "
            "there. X-Timestamp is the capture time of the newest part. A signed address is for "
            "the cameras that it names.",
            stream_responses(guarded=guarded) | also,
            named(*_WHICH, *STREAM),
            endless=True,
        ),
        "/stream/mosaic/frame": Operation(
            "frameOfMosaic",
            "frames",
            "Several cameras in one fresh picture",
            "In which one of the cameras has a frame captured after the request came in, unless "
            "max_age or after say otherwise.",
            frame_responses() | also,
            named(*_WHICH, *STREAM, *FRESHNESS, "formatOfPicture"),
        ),
        "/stream/mosaic/status": Operation(
            "statusOfMosaic",
            "numbers",
            "How a mosaic and its clients fare",
            "As /stream/{camera}/status, and which cameras it shows. It is composed for some "
            "seconds, as if somebody watched.",
            {
                "200": response("The numbers.", status, ("Cache-Control",)),
                "400": problems.bad_parameters(),
                **also,
            },
            named(*_WHICH),
        ),
    }


def parameters(cameras: list[str]) -> dict[str, Json]:
    """What a mosaic takes beside a stream's, by name.

    Args:
        cameras: Names of those there are.
    """
    which = query(
        "cameras",
        f"The cameras by name, separated by commas, row by row; 1 to {MAX_CAMERAS}, each once. "
        "Without it all there are.",
        {"type": "string", "minLength": 1},
    )
    columns = query(
        "cols",
        "How many are beside each other; without it as many as below each other, or one more.",
        {"type": "integer", "minimum": 1, "maximum": MAX_COLUMNS},
    )
    return {"cameras": which | {"example": ",".join(cameras[:4])}, "cols": columns}


def _too_many(most: int, *, guarded: bool) -> Json:
    also = " Or wrong credentials were sent again and again." if guarded else ""
    return problems.problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"As many different mosaics are composed as api.mosaic.max allows; or sizes and qualities "
        f"of this one are watched as api.limits.max_variants does.{also}",
        f"?cameras=door,yard&cols=2 is one mosaic too many: {most} are composed already, as many "
        "as api.mosaic.max allows. Ask for one of those, or try again later.",
        ("Cache-Control", "Retry-After"),
        mosaics=["cameras=door&cols=1", "cameras=yard,door&cols=2"],
        setting="api.mosaic.max",
    )
