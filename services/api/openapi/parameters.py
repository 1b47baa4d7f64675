"""What can be asked for: the parameters of path and query, with the ranges in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.api.freshness import MAX_AGE_MS, MAX_WAIT_MS
from services.api.openapi.parts import Json, query, ref
from shared.naming import CAMERA_NAME

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = ["CAMERA", "FRESHNESS", "PICTURE", "STREAM", "named", "parameters"]

_SWITCH: Final[Json] = {"type": "string", "enum": ["0", "1"], "default": "0"}

CAMERA: Final = ref("parameters", "camera")

PICTURE: Final = ("quality", "width", "height")
"""What changes the picture."""

FRESHNESS: Final = ("max_age", "after", "wait", "stale")
"""What decides which single frame it is."""

STREAM: Final = (
    *PICTURE,
    "fps",
    "advance_headers",
    "extra_headers",
    "dual_final_frames",
    "zero_data",
    "key",
)


def named(*names: str) -> tuple[Json, ...]:
    """References to parameters by their names."""
    return tuple(ref("parameters", name) for name in names)


def parameters(settings: Settings) -> dict[str, Json]:
    """Every parameter by name; more than one address may take it."""
    cameras = list(settings.camera_segments())
    stream = settings.api.stream
    quality, rate, size = stream.quality, stream.framerate, stream.resolution
    described = [
        query(
            "quality",
            "JPEG quality; auto moves between steps as the client can follow. Without it the "
            f"camera's own JPEGs are passed on, others get {quality.default_jpeg_quality}.",
            {
                "anyOf": [
                    {
                        "type": "integer",
                        "minimum": quality.min_jpeg_quality,
                        "maximum": quality.max_jpeg_quality,
                    },
                    {"const": "auto"},
                ]
            },
        ),
        query(
            "width",
            "Pixels the picture may be wide at most: it keeps its aspect and is never enlarged.",
            _pixels(size.max_width, size.default_width),
        ),
        query(
            "height",
            "Pixels the picture may be high at most.",
            _pixels(size.max_height, size.default_height),
        ),
        query(
            "fps",
            "Most frames per second.",
            {
                "type": "number",
                "minimum": rate.min_fps,
                "maximum": rate.max_fps,
                "default": rate.default_fps,
            },
        ),
        query(
            "advance_headers",
            "Send the header of the next part at once, without its length: Chromium shows a part "
            "only when the next one's header is there. As µStreamer has it.",
            _SWITCH,
        ),
        query(
            "extra_headers",
            "Have each part say what happened to it on its way. As µStreamer has it.",
            _SWITCH,
        ),
        query(
            "dual_final_frames",
            "Send a frame that stays the last for a while twice, for browsers that show a part "
            "when the next one comes. As µStreamer has it.",
            _SWITCH,
        ),
        query("zero_data", "Send headers only, for measuring. As µStreamer has it.", _SWITCH),
        query(
            "key",
            "What the client calls itself, for lists of clients. As µStreamer has it.",
            {"type": "string", "pattern": "^[A-Za-z0-9._-]{0,64}$"},
        ),
    ]
    described += _freshness()
    described.append(
        query(
            "action",
            "mjpg-streamer's way to ask; _N is the Nth camera of /cameras, counted from 0.",
            {"type": "string", "pattern": "^(stream|snapshot)(_[0-9]{1,4})?$"},
        )
    )
    names: Json = {"type": "string", "enum": cameras}
    if settings.api.discover_cameras:  # they come and go: see /cameras
        names = {"type": "string", "pattern": CAMERA_NAME}
    camera: Json = {
        "name": "camera",
        "in": "path",
        "required": True,
        "description": "Name of the camera; the default one is video.",
        "schema": names,
        "example": cameras[0],
    }
    shown = query("camera", "The one to show alone; the page knows more, for itself.", names)
    by_name = {each["name"]: each for each in described}
    return {"camera": camera, "cameraShown": shown} | by_name | _formats()


def _freshness() -> list[Json]:
    whole: Json = {"type": "integer", "minimum": 0}
    return [
        query(
            "max_age",
            "How old the frame may be, milliseconds; without it, it is newer than the request.",
            whole | {"maximum": MAX_AGE_MS},
        ),
        query(
            "after",
            "The frame the client has, as NUMBER or EPOCH-NUMBER: only a later one will do.",
            {"type": "string", "pattern": "^([0-9]{1,20}-)?[0-9]{1,20}$"},
        ),
        query(
            "wait",
            "With after: how long to wait for a later one, milliseconds.",
            whole | {"maximum": MAX_WAIT_MS, "default": 0},
        ),
        query(
            "stale",
            "ok: the last picture will do where there is no newer one; it says X-Stale.",
            {"type": "string", "enum": ["ok"]},
        ),
        query(
            "pixel_format",
            "Order of the channels; without it the source's own, bgr24 of JPEGs. Not with y4m.",
            {"type": "string", "enum": ["bgr24", "rgb24", "gray8"]},
        ),
    ]


def _formats() -> dict[str, Json]:
    choices = {
        "formatOfPicture": ("jpeg", "png", "webp"),
        "formatOfPixels": ("raw", "npy"),
        "formatOfRawStream": ("multipart", "y4m"),
    }
    return {
        component: query(
            "format", "What comes.", {"type": "string", "enum": [*kinds], "default": kinds[0]}
        )
        for component, kinds in choices.items()
    }


def _pixels(most: int, default: int | None) -> Json:
    schema: Json = {"type": "integer", "minimum": 1, "maximum": most}
    return schema if default is None else schema | {"default": default}
