"""The status document of a camera, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from services.api.openapi.parts import Json

__all__ = ["STATUS"]

_TEXT: Final[Json] = {"type": "string"}
_WHOLE: Final[Json] = {"type": "integer", "minimum": 0}
_NUMBER: Final[Json] = {"type": "number", "minimum": 0}
_TEXTS: Final[Json] = {"type": "array", "items": _TEXT}
_OBJECT: Final[Json] = {"type": "object"}

_SOURCE: Final = {
    "camera": (_TEXT, "Its name."),
    "online": ({"type": "boolean"}, "Whether it gives pictures, not only blanks."),
    "reason": (_TEXT, "Why it is not online; empty when it is."),
    "condition": (
        {"type": "string", "enum": ["live", "stalled", "gone", "incompatible"]},
        "How the Video Module fares.",
    ),
    "why": (_TEXT, "Why the condition is not live; empty when it is."),
    "advice": (_TEXT, "What to do about it; empty when all is well."),
    "source": (_TEXT, "Where the pictures come from, without secrets."),
    "width": (_WHOLE, "Of the newest frame, pixels."),
    "height": (_WHOLE, "Of the newest frame, pixels."),
    "pixel_format": (_TEXT, "Of the newest frame, such as BGR24 or JPEG."),
    "fps": (_NUMBER, "Frames per second that come in."),
    "frame_number": (_WHOLE, "Of the newest frame."),
    "epoch": (_TEXT, "The life of the ring that frame numbers count in."),
    "age_ms": (_NUMBER, "Of the newest frame, since its capture."),
    "source_ms": (_NUMBER, "What the source took to decode it and lay it into the ring."),
    "source_dropped": (_WHOLE, "Frames the source had and nobody got."),
}
_WORKER: Final = {
    "worker": (_WHOLE, "Process id of the worker that answers."),
    "clients": (_WHOLE, "Streams open in this worker."),
    "sent": (_WHOLE, "Parts handed to the kernel, repeats included."),
    "skipped": (_WHOLE, "Frames not taken on purpose: the client wants fewer per second."),
    "dropped": (_WHOLE, "Frames a client should have had, but was too late for."),
    "repeated": (_WHOLE, "Parts sent again after a silence."),
    "overwritten": (_WHOLE, "Frames the writer lapped while they were encoded."),
    "missed": (_WHOLE, "Frames that came and went between two looks of this worker."),
    "damaged": (_WHOLE, "Frames that were not what their writer stored; nobody was sent one."),
    "encode_errors": (_WHOLE, "Frames that could not become a JPEG."),
    "encoded": (_WHOLE, "Frames that were encoded."),
    "encode_seconds": (_NUMBER, "What that took, all encoder threads together."),
    "stalled": (_WHOLE, "Clients ended because they took nothing for too long."),
}
_ONCE: Final = {
    "leads": (_TEXTS, "Sizes and qualities that this worker encodes for all."),
    "follows": (_TEXTS, "Those it reads from another worker."),
    "auto": (_OBJECT, "Clients with quality=auto, by the step they are at."),
    "decoded": (_WHOLE, "Frames of the camera's own JPEG that were decoded here."),
    "attached": (_WHOLE, "Rings attached since the worker's start: 1, and 1 more for each epoch."),
    "notifications": (_WHOLE, "Notifications heard."),
    "notifications_missing": ({"type": "boolean"}, "Frames come and their notifications do not."),
    "refused": (_WHOLE, "Notifications that were none of ours."),
    "hub_late_ms": (_OBJECT, "How late this worker's event loop was, by percentile."),
    "mode": ({"type": "string", "enum": ["legacy", "shared memory"]}, "Who captures."),
}
_NULL_WHILE_NOTHING_CAME: Final = frozenset(_SOURCE) - {
    *("camera", "online", "reason", "condition", "why", "advice", "fps"),
}


def _properties() -> dict[str, Json]:
    described = {name: _property(name, *stated) for name, stated in _SOURCE.items()}
    described |= {name: _property(name, *stated) for name, stated in _WORKER.items()}
    described |= {name: _property(name, *stated) for name, stated in _ONCE.items()}
    totals = {
        f"{name}_total": _property(name, schema, f"As {name}, over all workers, ended ones too.")
        for name, (schema, _) in _WORKER.items()
        if name != "worker"
    }
    return described | totals


def _property(name: str, schema: Json, description: str) -> Json:
    if name in _NULL_WHILE_NOTHING_CAME:
        return {**schema, "type": [schema["type"], "null"], "description": description}
    return {**schema, "description": description}


STATUS: Final[Json] = {
    "type": "object",
    "description": "The counters are those of the worker that answers; with _total, of all.",
    "required": ["camera", "online", "condition", "fps", "clients", "mode"],
    "properties": _properties(),
}
"""Fields of the source are null until a frame has come."""
