"""Addresses of mjpg-streamer and µStreamer, and the conversation over WebSocket."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from services.api.openapi import problems
from services.api.openapi.parameters import STREAM, named
from services.api.openapi.parts import Json, Operation, body, header, ref, response
from services.api.openapi.pictures import stream_responses

__all__ = ["STATE", "operations"]

_OF_FRAME: Final = (
    *("X-Frame-Number", "X-Epoch", "X-Timestamp", "X-Online", "X-Size"),
    "X-Hops",
)
_WHOLE: Final[Json] = {"type": "integer", "minimum": 0}
_SWITCH: Final[Json] = {"type": "boolean"}
_SECONDS: Final[Json] = {"type": "string", "pattern": r"^[0-9]+\.[0-9]{6}$"}
_COOKIE: Final = {
    "Set-Cookie": header(
        "stream_client=<key or 0>/<id>: which client of clients_stat it is.", {"type": "string"}
    )
}
_USTREAMER: Final = {
    "X-UStreamer-Online": header(
        "false: a blank, because there is no picture.",
        {"type": "string", "enum": ["true", "false"]},
    ),
    "X-UStreamer-Send-Timestamp": header(
        "CLOCK_MONOTONIC, seconds; Grab, Encode and Expose have theirs where they are known.",
        _SECONDS,
    ),
}


def _object(properties: dict[str, Json]) -> Json:
    return {"type": "object", "required": [*properties], "properties": properties}


STATE: Final[Json] = _object(
    {
        "ok": {"const": True},
        "result": _object(
            {
                "instance_id": {"type": "string"},
                "encoder": _object(
                    {"type": {"type": "string", "enum": ["CPU", "HW"]}, "quality": _WHOLE}
                ),
                "source": _object(
                    {
                        "resolution": _object({"width": _WHOLE, "height": _WHOLE}),
                        "online": _SWITCH,
                        "desired_fps": _WHOLE,
                        "captured_fps": _WHOLE,
                    }
                ),
                "stream": _object(
                    {
                        "queued_fps": _WHOLE,
                        "clients": _WHOLE,
                        "clients_stat": {
                            "type": "object",
                            "description": "By the client's id.",
                            "additionalProperties": _object(
                                {
                                    "fps": _WHOLE,
                                    "key": {"type": "string", "description": "For admins only."},
                                    "extra_headers": _SWITCH,
                                    "advance_headers": _SWITCH,
                                    "dual_final_frames": _SWITCH,
                                    "zero_data": _SWITCH,
                                }
                            ),
                        },
                    }
                ),
            }
        ),
    }
)


def operations(*, guarded: bool) -> dict[str, Operation]:
    """What clients of other servers ask for, by address, and ``/ws``.

    Args:
        guarded: Whether credentials are needed.
    """
    stream = stream_responses(guarded=guarded)
    stream["200"] = {**stream["200"], "headers": stream["200"]["headers"] | _COOKIE}
    return {
        "/stream": Operation(
            "streamDefault",
            "compatibility",
            "The live picture, under µStreamer's address",
            "As /stream/{camera}, of the default camera. /?action=stream is the same.",
            stream,
            named(*STREAM),
            endless=True,
        ),
        "/snapshot": Operation(
            "snapshotDefault",
            "compatibility",
            "One fresh picture, under µStreamer's address",
            "Of the default camera; where it gives nothing, the picture that says so, as µStreamer "
            "does: /stream/{camera}/frame answers 503 instead. /?action=snapshot is the same.",
            {
                "200": response(
                    "The picture.", body("image/jpeg"), ("Cache-Control", *_OF_FRAME), _USTREAMER
                ),
                "400": problems.bad_parameters(),
                "500": problems.failed(),
                "503": problems.no_frame(),
            },
            named(*STREAM),
        ),
        "/state": Operation(
            "state",
            "compatibility",
            "How the default camera fares, in µStreamer's shape",
            "encoder.type is HW where the camera gives JPEGs.",
            {
                "200": response(
                    "The numbers.",
                    body("application/json", ref("schemas", "State")),
                    ("Cache-Control",),
                )
            },
        ),
        "/ws": Operation(
            "websocket",
            "streams",
            "Pictures of many cameras over one connection",
            "A WebSocket (subprotocol ringcast.v1); its messages are described in "
            "docs/websocket.md. Pages of other origins may connect where api.http.cors_origins "
            "lists them.",
            {
                "101": response("The conversation begins."),
                "403": problems.problem(
                    HTTPStatus.FORBIDDEN,
                    "The page's origin is not ours and not listed, or the scope is too narrow.",
                    "Pages of 'https://example.org' may not connect: api.http.cors_origins does "
                    "not list it.",
                ),
                "426": problems.problem(
                    HTTPStatus.UPGRADE_REQUIRED,
                    "It was no WebSocket handshake.",
                    "This is for WebSocket clients: connect to it with ws:// or wss://.",
                ),
            },
        ),
    }
