"""From an image to what is sent of it, in one piece; runs in the encoder's threads."""

from __future__ import annotations

import time
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from services.api.encoded import Made, framed
from services.api.encoding import Encoding
from services.api.imaging import compress, encode_image, shrink, to_pixels
from shared.blank import draw_blank
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from services.api.encoded import EncodedFrame
    from services.api.kept import FrameSource
    from services.api.pictures import FramePictures
    from services.api.variant import Variant

__all__ = ["developed", "drawn_blank"]


def developed(
    source: FrameSource, pictures: FramePictures, size: tuple[int, int], variant: Variant
) -> EncodedFrame:
    """What a variant wants of a frame, made in one piece.

    Args:
        source: The frame, open.
        pictures: Of the frame.
        size: Width and height of the result.
        variant: What it is to become.

    Raises:
        FrameOverwritten: The writer lapped us.
        FrameDamaged: It was made from what the writer did not store.
        EncodeError: The frame cannot be encoded.
    """
    started_at = time.monotonic_ns()
    image = pictures.image(source, size)
    pixel_format = source.info.geometry.pixel_format
    done = _finished(image, pixel_format, source.info, size, variant, started_at)
    source.verify()  # after the last look at the slot: pixels that fit are copied from there
    return done


def _finished(
    image: NDArray[Any],
    pixel_format: PixelFormat,
    info: FrameInfo,
    size: tuple[int, int],
    variant: Variant,
    started_at: int,
) -> EncodedFrame:
    """Bring an image of the right size into the form of the variant, and frame it."""
    encoding, order = variant.encoding, None
    if encoding is Encoding.JPEG:
        data = encode_image(image, pixel_format, variant.quality)
    elif encoding.compressed:
        data = compress(image, pixel_format, encoding, variant.quality)
    else:
        data, order = to_pixels(image, pixel_format, encoding)
    made = Made(variant.quality if encoding.lossy else None, size, encoding, order)
    encode_ns = time.monotonic_ns() - started_at if encoding.compressed else 0
    checksum = None if info.checksum is None else zlib.crc32(data.data)
    return framed(info, data, made, encode_ns=encode_ns, checksum=checksum)


def drawn_blank(
    geometry: Geometry, reason: str, of: FrameInfo | None, variant: Variant
) -> EncodedFrame:
    """The "no signal" frame.

    Args:
        geometry: Size to draw in, and the order of channels where none is asked for.
        reason: Why there is no picture, for humans.
        of: The last frame seen, whose number the blank repeats: it is no new frame.
        variant: What is to become of it.
    """
    started_at = time.monotonic_ns()
    if geometry.pixel_format is PixelFormat.JPEG:
        geometry = replace(geometry, pixel_format=PixelFormat.BGR24)
    image = np.zeros(geometry.shape, dtype=np.uint8)
    draw_blank(image, reason, time.strftime("%Y-%m-%d %H:%M:%S"))
    size = variant.fit(geometry.width, geometry.height)
    now = MonotonicNs(time.monotonic_ns())
    epoch, sequence = of.origin if of else (Epoch(0), Sequence(0))
    checksum = None if of is None else of.checksum
    info = FrameInfo(
        epoch,
        sequence,
        now,
        now,
        geometry,
        0,
        online=False,
        reason=reason,
        checksum=checksum,
        hops=of.hops if of else (),
    )
    return _finished(shrink(image, size), geometry.pixel_format, info, size, variant, started_at)
