"""Telling pictures: which one it is can be read off any of them, and so can swapped colors."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import cv2
import numpy as np

from shared.frame_code import FrameCode, draw_code, read_codes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "bars_are_right",
    "claiming",
    "number_in",
    "telling_jpeg",
    "telling_picture",
    "without_tables",
    "write_h264",
    "write_mjpeg",
]

_TOLERANCE = 24


def telling_picture(number: int, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """Red, green and blue bars with ``number`` in the code at top and bottom: BGR."""
    image = np.zeros((height, width, 3), np.uint8)
    third = width // 3
    image[:, :third, 2] = 255
    image[:, third : 2 * third, 1] = 255
    image[:, 2 * third :, 0] = 255
    draw_code(image, FrameCode(number, 0))
    return image


def telling_jpeg(number: int, width: int = 320, height: int = 240) -> bytes:
    """The telling picture as a JPEG."""
    encoded, data = cv2.imencode(".jpg", telling_picture(number, width, height))
    assert encoded
    return bytes(data)


def claiming(jpeg: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its header: a decompression bomb, if that is large."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + jpeg[at + 4 :]


def without_tables(jpeg: bytes) -> bytes:
    """The JPEG as many USB cameras give it: the Huffman tables (DHT) left out."""
    start_of_scan, huffman_tables = 0xDA, 0xC4
    kept, at, marker = jpeg[:2], 2, 0
    while marker != start_of_scan:
        marker = jpeg[at + 1]
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        kept += b"" if marker == huffman_tables else jpeg[at:end]
        at = end
    return kept + jpeg[at:]


def write_mjpeg(path: Path, jpegs: Sequence[bytes], fps: int) -> None:
    """Put JPEGs into a video file as they are; bare one behind another for ``.mjpeg``."""
    if path.suffix == ".mjpeg":
        path.write_bytes(b"".join(jpegs))
        return
    copy = ("ffmpeg", "-loglevel", "error", "-f", "mjpeg", "-r", str(fps), "-i", "-", "-c", "copy")
    subprocess.run((*copy, str(path)), input=b"".join(jpegs), check=True, timeout=30)


def write_h264(path: Path, frames: int, fps: int) -> None:
    """Have ffmpeg make a file of telling pictures, 320x240, with B-frames."""
    raw = b"".join(telling_picture(number).tobytes() for number in range(frames))
    subprocess.run(
        (
            *("ffmpeg", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "bgr24"),
            *("-s", "320x240", "-r", str(fps), "-i", "-", "-c:v", "libx264"),
            *("-pix_fmt", "yuv420p", "-crf", "10", "-g", "12", "-bf", "2", str(path)),
        ),
        input=raw,
        check=True,
        timeout=30,
    )


def number_in(image: NDArray[np.uint8]) -> int | None:
    """The number of a telling picture (or a frame of the test pattern); None when it is torn."""
    top, bottom = read_codes(image)
    return top.sequence if top is not None and top == bottom else None


def bars_are_right(image: NDArray[np.uint8]) -> bool:
    """Whether the bars of a telling picture are red, green, blue from left to right (BGR)."""
    height, width = image.shape[:2]
    wanted = ((0, 0, 255), (0, 255, 0), (255, 0, 0))
    seen = [image[height // 2, width * (2 * bar + 1) // 6] for bar in range(3)]
    return all(
        abs(int(channel) - level) <= _TOLERANCE
        for pixel, color in zip(seen, wanted, strict=True)
        for channel, level in zip(pixel, color, strict=True)
    )
