"""What can be asked for: the parameters of path and query, with the ranges in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.api.openapi.parts import Json, query, ref

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = ["CAMERA", "PICTURE", "STREAM", "named", "parameters"]

_SWITCH: Final[Json] = {"type": "string", "enum": ["0", "1"], "default": "0"}

CAMERA: Final = ref("parameters", "camera")

PICTURE: Final = ("quality", "width", "height")
"""What changes the picture."""

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
    camera: Json = {
        "name": "camera",
        "in": "path",
        "required": True,
        "description": "Name of the camera; the default one is video.",
        "schema": {"type": "string", "enum": cameras},
        "example": cameras[0],
    }
    return {"camera": camera} | {each["name"]: each for each in described}


def _pixels(most: int, default: int | None) -> Json:
    schema: Json = {"type": "integer", "minimum": 1, "maximum": most}
    return schema if default is None else schema | {"default": default}
