"""The bytes of ``multipart/x-mixed-replace``; knows no socket and no picture.

The wire format, one write per part, CRLF everywhere::

    --frame                         once, at the start (ffmpeg, VLC and GStreamer want it)
    Content-Type: image/jpeg        ┐
    Content-Length: 12345           │
    X-Frame-Number: 17              │ one part
    …                               │
                                    │
    <JPEG>                          │
    --frame                         ┘ sent with the part, so Firefox shows it at once
    …
    --frame--                       when the server ends the stream

# BROWSER: Chromium shows a part only when the header block after it is complete (crbug 527446).
With ``advance_headers`` the trailing boundary is followed by the next part's ``Content-Type`` and
empty line; that part then carries no length and no numbers. Delete when Chromium shows whole parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared.frame import Geometry

__all__ = [
    "ADVANCE_CLOSING",
    "ADVANCE_LEAD",
    "CLOSING",
    "CONTENT_TYPE",
    "LEAD",
    "NEXT_HEADER",
    "TRAILER",
    "checksum_headers",
    "frame_headers",
    "hop_headers",
    "part_header",
    "picture_headers",
    "pixel_headers",
    "size_headers",
    "ustreamer_headers",
    "ustreamer_times",
]

BOUNDARY: Final = b"frame"
CONTENT_TYPE: Final = "multipart/x-mixed-replace; boundary=frame"
"""A bare token: quotes and leading dashes in the boundary confuse Safari and others."""

LEAD: Final = b"--frame\r\n"
CLOSING: Final = b"--frame--\r\n"
TRAILER: Final = b"\r\n--frame\r\n"
"""Ends every part."""

NEXT_HEADER: Final = b"Content-Type: image/jpeg\r\n\r\n"
"""What follows the trailer with ``advance_headers``: all of the next part but its picture."""

ADVANCE_LEAD: Final = LEAD + NEXT_HEADER
ADVANCE_CLOSING: Final = b"\r\n" + CLOSING


def frame_headers(
    sequence: int, epoch: int, captured_wall_us: int, *, online: bool
) -> list[tuple[str, str]]:
    """What every frame says about itself, in a part or in the response that holds it alone.

    Args:
        sequence: Number of the frame.
        epoch: The segment's life it belongs to.
        captured_wall_us: When it was captured by the wall clock of its origin, microseconds since
            1970: the only wall clock here.
        online: False for a blank.
    """
    seconds, micros = divmod(captured_wall_us, 1_000_000)
    return [
        ("X-Frame-Number", str(sequence)),
        ("X-Epoch", str(epoch)),
        ("X-Timestamp", f"{seconds}.{micros:06d}"),
        ("X-Online", "1" if online else "0"),
    ]


def picture_headers(quality: int | None, width: int, height: int) -> list[tuple[str, str]]:
    """What every picture says about itself: with ``quality=auto`` it changes as the client can.

    Args:
        quality: 1 to 100; None: the camera's own JPEG.
        width: Pixels.
        height: Pixels.
    """
    named = "camera" if quality is None else str(quality)
    return [("X-Quality", named), *size_headers(width, height)]


def size_headers(width: int, height: int) -> list[tuple[str, str]]:
    """What everything says about itself that has a size in pixels."""
    return [("X-Size", f"{width}x{height}")]


def pixel_headers(geometry: Geometry) -> list[tuple[str, str]]:
    """What uncompressed pixels say about themselves: enough for ``numpy.frombuffer``.

    Args:
        geometry: Of the pixels, rows packed.
    """
    return [
        ("X-Shape", ",".join(map(str, geometry.shape))),
        ("X-Dtype", "uint8"),
        ("X-Pixel-Format", geometry.pixel_format.name),
        ("X-Stride", str(geometry.stride)),
        *size_headers(geometry.width, geometry.height),
    ]


def checksum_headers(checksum: int) -> list[tuple[str, str]]:
    """What a picture says about its bytes where checksums are on (``video.ring.checksums``).

    Args:
        checksum: CRC-32 of the picture, as ``zlib.crc32`` has it.
    """
    return [("X-CRC32", f"{checksum:08x}")]


def hop_headers(hops: tuple[str, ...]) -> list[tuple[str, str]]:
    """Which nodes a picture came through: in every answer, and in each part that was relayed.

    Args:
        hops: The origin first, this node last; empty: not known, and nothing is said.
    """
    return [("X-Hops", ",".join(hops))] if hops else []


def ustreamer_headers(
    *, online: bool, dropped: int, size: tuple[int, int]
) -> list[tuple[str, str]]:
    """What µStreamer says about a picture, by its names.

    Args:
        online: False for a blank.
        dropped: Frames that were not sent since; to us, what this client was too slow for.
        size: Width and height, pixels.
    """
    return [
        ("X-UStreamer-Online", "true" if online else "false"),
        ("X-UStreamer-Dropped", str(dropped)),
        ("X-UStreamer-Width", str(size[0])),
        ("X-UStreamer-Height", str(size[1])),
    ]


def ustreamer_times(
    ending: str, captured_at: int, made_at: int, encode_ns: int, now_ns: int
) -> list[tuple[str, str]]:
    """When what happened to a picture, by µStreamer's names; ``CLOCK_MONOTONIC``, seconds.

    Grabbing is a moment to us, and so is exposing: when the picture was there for all clients. What
    was not encoded by this process has no times of encoding.

    Args:
        ending: Of the names: ``Time`` in a stream, ``Timestamp`` in a snapshot.
        captured_at: When the frame was captured, nanoseconds.
        made_at: When the picture was there, nanoseconds.
        encode_ns: What encoding it took; 0: nothing was encoded.
        now_ns: Now, nanoseconds.
    """
    moments = {"Grab-Begin": captured_at, "Grab-End": captured_at}
    if encode_ns:
        moments |= {"Encode-Begin": made_at - encode_ns, "Encode-End": made_at}
    moments |= {"Expose-Begin": made_at, "Expose-Cmp": made_at, "Expose-End": made_at}
    moments["Send"] = now_ns
    return [(f"X-UStreamer-{name}-{ending}", f"{at / 1e9:.6f}") for name, at in moments.items()]


def part_header(
    size_bytes: int, headers: list[tuple[str, str]], content_type: str = "image/jpeg"
) -> bytes:
    """What stands before the picture in a part, empty line included.

    Args:
        size_bytes: Length of the picture.
        headers: From ``frame_headers``.
        content_type: Of the picture.
    """
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
    first = f"Content-Type: {content_type}\r\nContent-Length: {size_bytes}\r\n"
    return f"{first}{fields}\r\n".encode("ascii")
