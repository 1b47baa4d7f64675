"""Streams and single frames: everything that answers with pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.api.openapi import problems
from services.api.openapi.parameters import CAMERA, STREAM, named
from services.api.openapi.parts import Json, Operation, body, header, response

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = ["headers", "operations"]

_SHARED: Final = " Of the default camera in the Video Module's ring, whatever the mode."
_OF_FRAME: Final = ("X-Frame-Number", "X-Epoch", "X-Timestamp", "X-Online")
_OF_PICTURE: Final = (*_OF_FRAME, "X-Quality", "X-Size")
_PARTS: Final = (
    "Parts of Content-Type image/jpeg with Content-Length, X-Frame-Number, X-Epoch, X-Timestamp, "
    "X-Online, X-Quality and X-Size; X-CRC32 too where video.ring.checksums is on."
)


def operations(settings: Settings, *, guarded: bool) -> dict[str, Operation]:
    """What answers with pictures, by address.

    Args:
        settings: In force.
        guarded: Whether credentials are needed.
    """
    cameras = list(settings.camera_segments())
    unknown = {"404": problems.unknown_camera(cameras)}
    stream = _stream_responses(guarded=guarded)
    frame = _frame_responses(guarded=guarded)
    return {
        "/stream/{camera}": Operation(
            "streamCamera",
            "streams",
            "The live picture",
            f"An endless MJPEG stream, for browsers, VLC, ffmpeg, OpenCV, Home Assistant. {_PARTS} "
            "Each client gets the newest frame; what it is too slow for is skipped. After a "
            "second of silence the last part comes again.",
            stream | unknown,
            (CAMERA, *named(*STREAM)),
            endless=True,
        ),
        "/stream/video/shm": Operation(
            "streamSharedMemory",
            "streams",
            "The live picture from shared memory",
            "As /stream/{camera}." + _SHARED,
            stream,
            named(*STREAM),
            endless=True,
        ),
        "/stream/{camera}/frame": Operation(
            "frameOfCamera",
            "frames",
            "One fresh picture",
            "A frame captured after the request came in.",
            frame | unknown,
            (CAMERA, *named(*STREAM)),
        ),
        "/stream/video/shm/frame": Operation(
            "frameSharedMemory",
            "frames",
            "One fresh picture from shared memory",
            "As /stream/{camera}/frame." + _SHARED,
            frame,
            named(*STREAM),
        ),
    }


def _stream_responses(*, guarded: bool) -> dict[str, Json]:
    return {
        "200": response(
            "The stream, until one side closes the connection.",
            body("multipart/x-mixed-replace; boundary=frame"),
            ("Cache-Control",),
            {
                "X-Quality-Steps": header(
                    "With quality=auto: the steps it moves between, best first.",
                    {"type": "string"},
                    required=False,
                )
            },
        ),
        "400": problems.bad_parameters(),
        "429": problems.too_many_variants(guarded=guarded),
        "500": problems.failed(),
        "503": problems.no_frame("Or api.limits.max_streams streams are open."),
        "505": problems.not_delimited(),
    }


def _frame_responses(*, guarded: bool) -> dict[str, Json]:
    del guarded
    return {
        "200": response(
            "The picture.", body("image/jpeg"), ("Cache-Control", *_OF_PICTURE, "X-CRC32")
        ),
        "400": problems.bad_parameters(),
        "500": problems.failed(),
        "503": problems.no_frame(),
    }


def headers() -> dict[str, Json]:
    """What a picture says about itself, by name."""
    digits: Json = {"type": "string", "pattern": "^[0-9]+$"}
    return {
        "X-Frame-Number": header("Number of the frame within its epoch.", digits),
        "X-Epoch": header("The life of the ring that the number counts in.", digits),
        "X-Timestamp": header(
            "When it was captured, seconds since 1970.",
            {"type": "string", "pattern": r"^[0-9]+\.[0-9]{6}$"},
        ),
        "X-Online": header(
            "0: a blank, because the camera gives nothing.", {"type": "string", "enum": ["0", "1"]}
        ),
        "X-Quality": header(
            "Its JPEG quality, or camera: as the camera gave it.",
            {"type": "string", "pattern": "^([0-9]+|camera)$"},
        ),
        "X-Size": header(
            "Width and height, pixels.", {"type": "string", "pattern": "^[0-9]+x[0-9]+$"}
        ),
        "X-CRC32": header(
            "CRC-32 of the picture's bytes; only where video.ring.checksums is on.",
            {"type": "string", "pattern": "^[0-9a-f]{8}$"},
            required=False,
        ),
    }
