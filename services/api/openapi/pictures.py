"""Streams and single frames: everything that answers with pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.api.openapi import problems
from services.api.openapi.parameters import CAMERA, FRESHNESS, STREAM, named
from services.api.openapi.parts import Json, Operation, body, header, response

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = ["frame_responses", "headers", "operations", "stream_responses"]

_SHARED: Final = " Of the default camera in the Video Module's ring, whatever the mode."
HOPS: Final[Json] = header(
    "Nodes the frames come through, comma separated, origin first, this one last; in parts of "
    "relayed frames too.",
    {"type": "string"},
    required=False,
)
_OF_FRAME: Final = ("X-Frame-Number", "X-Epoch", "X-Timestamp", "X-Online", "X-Hops")
_OF_SNAPSHOT: Final = (*_OF_FRAME, "X-Age-Ms", "X-Stale", "X-Quality", "X-Size", "X-CRC32")
_OF_PIXELS: Final = (
    *(*_OF_FRAME, "X-Age-Ms", "X-Stale", "X-Size"),
    *("X-Shape", "X-Dtype", "X-Pixel-Format", "X-Stride"),
)
_KINDS: Final = ("image/jpeg", "image/png", "image/webp")
_RAW_KINDS: Final = ("application/octet-stream", "application/x-npy")
_FRAME: Final = (*STREAM, *FRESHNESS, "formatOfPicture")
_RAW_FRAME: Final = (*STREAM, *FRESHNESS, "formatOfPixels", "pixel_format")
_RAW_STREAM: Final = (*STREAM, "formatOfRawStream", "pixel_format")
_PARTS: Final = (
    "Parts of Content-Type image/jpeg with Content-Length, X-Frame-Number, X-Epoch, X-Timestamp, "
    "X-Online, X-Quality and X-Size; X-CRC32 too where video.ring.checksums is on, and X-Hops in "
    "those of relayed frames."
)


def operations(settings: Settings, *, guarded: bool) -> dict[str, Operation]:
    """What answers with pictures, by address.

    Args:
        settings: In force.
        guarded: Whether credentials are needed.
    """
    cameras = list(settings.camera_segments())
    unknown = {"404": problems.unknown_camera(cameras)}
    stream = stream_responses(guarded=guarded)
    frame = frame_responses()
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
            "A frame captured after the request came in, unless max_age or after say otherwise.",
            frame | unknown,
            (CAMERA, *named(*_FRAME)),
        ),
        "/stream/video/shm/frame": Operation(
            "frameSharedMemory",
            "frames",
            "One fresh picture from shared memory",
            "As /stream/{camera}/frame." + _SHARED,
            frame,
            named(*_FRAME),
        ),
    } | _raw(unknown, stream)


def _raw(unknown: dict[str, Json], stream: dict[str, Json]) -> dict[str, Operation]:
    frame = _frame_responses(*_RAW_KINDS, headers=_OF_PIXELS)
    endless = stream | {
        "200": response(
            "The stream, until one side closes the connection.",
            body("multipart/x-mixed-replace; boundary=frame") | body("video/x-yuv4mpeg"),
            ("Cache-Control",),
        )
    }
    return {
        "/stream/{camera}/raw": Operation(
            "rawStreamOfCamera",
            "streams",
            "The live picture, uncompressed",
            "Endless parts of application/octet-stream that say X-Shape, X-Dtype, X-Pixel-Format "
            "and X-Stride; or, with format=y4m, what ffmpeg and mpv read.",
            endless | unknown,
            (CAMERA, *named(*_RAW_STREAM)),
            endless=True,
        ),
        "/stream/video/shm/raw": Operation(
            "rawStreamSharedMemory",
            "streams",
            "The live picture from shared memory, uncompressed",
            "As /stream/{camera}/raw." + _SHARED,
            endless,
            named(*_RAW_STREAM),
            endless=True,
        ),
        "/stream/{camera}/frame/raw": Operation(
            "rawFrameOfCamera",
            "frames",
            "One picture as pixels",
            "Rows of pixels, or a file of NumPy's.",
            frame | unknown,
            (CAMERA, *named(*_RAW_FRAME)),
        ),
        "/stream/video/shm/frame/raw": Operation(
            "rawFrameSharedMemory",
            "frames",
            "One picture from shared memory as pixels",
            "As /stream/{camera}/frame/raw." + _SHARED,
            frame,
            named(*_RAW_FRAME),
        ),
    }


def stream_responses(*, guarded: bool) -> dict[str, Json]:
    """What an endless address answers beside what every one does.

    Args:
        guarded: Whether credentials are needed.
    """
    return {
        "200": response(
            "The stream, until one side closes the connection.",
            body("multipart/x-mixed-replace; boundary=frame"),
            ("Cache-Control",),
            {
                "X-Client-Id": header(
                    "The client's name in client_list and in /state.", {"type": "string"}
                ),
                "X-Hops": HOPS,
                "X-Quality-Steps": header(
                    "With quality=auto: the steps it moves between, best first.",
                    {"type": "string"},
                    required=False,
                ),
            },
        ),
        "400": problems.bad_parameters(),
        "429": problems.too_many_variants(guarded=guarded),
        "500": problems.failed(),
        "503": problems.no_frame("Or api.limits.max_streams streams are open."),
        "505": problems.not_delimited(),
    }


def frame_responses() -> dict[str, Json]:
    """What an address of one picture answers beside what every one does."""
    return _frame_responses(*_KINDS, headers=_OF_SNAPSHOT)


def _frame_responses(*kinds: str, headers: tuple[str, ...]) -> dict[str, Json]:
    content: Json = {}
    for kind in kinds:
        content |= body(kind)
    fresh = ("Cache-Control", "ETag")
    return {
        "200": response("The picture.", content, (*fresh, *headers)),
        "204": response("No later frame than after within wait.", None, ("Retry-After",)),
        "304": response("If-None-Match names this frame: the client has it.", None, fresh),
        "400": problems.bad_parameters(),
        "500": problems.failed(),
        "503": problems.no_frame(),
    }


def headers() -> dict[str, Json]:
    """What a picture says about itself, by name."""
    text: Json = {"type": "string"}
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
            "Its quality, or camera: as the camera gave it. Not of png.",
            {"type": "string", "pattern": "^([0-9]+|camera)$"},
            required=False,
        ),
        "X-Age-Ms": header("Since its capture, milliseconds.", digits),
        "X-Stale": header("1: an old picture, as stale=ok allows.", digits, required=False),
        "X-Shape": header("Rows, columns, channels.", text),
        "X-Dtype": header("Of a value.", text),
        "X-Pixel-Format": header("Order of the channels.", text),
        "X-Stride": header("Bytes of a row.", digits),
        "ETag": header("Epoch, number and form of the frame.", text),
        "X-Size": header(
            "Width and height, pixels.", {"type": "string", "pattern": "^[0-9]+x[0-9]+$"}
        ),
        "X-Hops": HOPS,
        "X-CRC32": header(
            "CRC-32 of the picture's bytes; only where video.ring.checksums is on.",
            {"type": "string", "pattern": "^[0-9a-f]{8}$"},
            required=False,
        ),
    }
