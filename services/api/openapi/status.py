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

_OR_NOBODY: Final[Json] = {"type": ["string", "null"], "description": "Told to admins only."}
_SIZE: Final[Json] = {"type": ["integer", "null"], "minimum": 0}
_SWITCH: Final[Json] = {"type": "boolean"}
_CLIENTS: Final[Json] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "id": _TEXT,
            "key": _OR_NOBODY,
            "address": _OR_NOBODY,
            "kind": {"type": "string", "enum": ["mjpeg", "raw", "y4m", "websocket"]},
            "variant": {"type": "string", "description": "Name of what it is sent, as in leads."},
            "since": {"type": "number", "description": "When it came, seconds since 1970."},
            "fps": {"type": "number", "description": "Parts per second, over two seconds."},
            "sent": _WHOLE,
            "sent_bytes": _WHOLE,
            "dropped": {**_WHOLE, "description": "Frames it was too slow for."},
            "bitrate_bps": _WHOLE,
            "advance_headers": _SWITCH,
            "extra_headers": _SWITCH,
            "dual_final_frames": _SWITCH,
            "zero_data": _SWITCH,
        },
    },
}
_SHM: Final[Json] = {
    "type": "object",
    "properties": {
        "directory": _TEXT,
        "total": _SIZE,
        "used": _SIZE,
        "free": _SIZE,
        "ring": {**_SIZE, "description": "Of this camera's segment."},
    },
}

_OR_UNKNOWN: Final[Json] = {"type": ["number", "null"]}
_RELAY: Final[Json] = {
    "type": "object",
    "properties": {
        "upstream": {**_TEXT, "description": "The node behind this one."},
        "hops": {**_TEXTS, "description": "All nodes, the origin first, this one last."},
        "clock_offset_ms": {
            **_OR_UNKNOWN,
            "description": "How far the origin's wall clock is ahead of this host's.",
        },
        "clock_uncertainty_ms": {
            **_OR_UNKNOWN,
            "description": "What that may be wrong by at most, over all hops.",
        },
        "reconnects": {**_WHOLE, "description": "To the node behind this one."},
    },
}

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
    "frame_number": (_WHOLE, "Of the newest frame, as its origin counts."),
    "epoch": (_TEXT, "The life of the ring that frame numbers count in, at the origin."),
    "ring_epoch": (_TEXT, "The life of the ring here; on an origin the same."),
    "age_ms": (_NUMBER, "Of the newest frame, since its capture."),
    "source_ms": (_NUMBER, "What the source took to decode it and lay it into the ring."),
    "source_dropped": (_WHOLE, "Frames the source had and nobody got."),
    "relay": (_RELAY, "Where the frames come from; null where they are captured here."),
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
    "bytes": (_WHOLE, "Bytes of parts handed to the kernel."),
    "streams": (_WHOLE, "Streams that began."),
    "turned_away": (_WHOLE, "Streams refused by api.limits."),
    "decoded": (_WHOLE, "Frames of the camera's own JPEG that were decoded."),
    "notifications": (_WHOLE, "Notifications heard."),
    "refused": (_WHOLE, "Notifications and frames that were none of ours."),
    "encode_seconds": (_NUMBER, "What that took, all encoder threads together."),
    "stalled": (_WHOLE, "Clients ended because they took nothing for too long."),
    "aged": (_WHOLE, "Streams ended for their age, see api.limits.max_stream_age_sec."),
    "drained": (_WHOLE, "Streams ended because the server shuts down."),
}
_ONCE: Final = {
    "leads": (_TEXTS, "Sizes and qualities that this worker encodes for all."),
    "follows": (_TEXTS, "Those it reads from another worker."),
    "auto": (_OBJECT, "Clients with quality=auto, by the step they are at."),
    "attached": (_WHOLE, "Rings attached since the worker's start: 1, and 1 more for each epoch."),
    "notifications_missing": ({"type": "boolean"}, "Frames come and their notifications do not."),
    "hub_late_ms": (_OBJECT, "How late this worker's event loop was, by percentile."),
    "client_list": (_CLIENTS, "Who watches, in all workers; at most 1,000 of each."),
    "shm": (_SHM, "The directory of the rings, bytes."),
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
