"""Pixels of any frame, for vision modules: a JPEG is decoded when somebody asks, and only then.

::

    for frame in consumer:
        image = pixels(frame)           # uint8[height, width, 3], blue green red
        if frame.valid(): ...           # or copy(): the frame may have been overwritten meanwhile

It is not part of the numpy-only core: it needs cv2 (``pip install 'ringcast[opencv]'``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

try:
    import cv2
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "pixels() decodes and converts with OpenCV: pip install 'ringcast[opencv]'", name=error.name
    ) from error

from .errors import EncodeError
from .frame import PixelFormat
from .jpeg import check_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .ring.view import FrameView

__all__ = ["pixels"]

_TO_BGR: Final = {
    PixelFormat.RGB24: cv2.COLOR_RGB2BGR,
    PixelFormat.BGRA32: cv2.COLOR_BGRA2BGR,
    PixelFormat.RGBA32: cv2.COLOR_RGBA2BGR,
    PixelFormat.GRAY8: cv2.COLOR_GRAY2BGR,
}
_AS_STORED: Final = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
"""Not turned by an EXIF tag: the size must be the one that the frame's geometry tells."""


def pixels(frame: FrameView) -> NDArray[np.uint8]:
    """The frame as blue, green, red, whatever its pixel format is.

    A BGR24 frame is not copied: it is shown in place, read-only, like ``frame.image``, and it is
    the caller who asks ``frame.valid()`` after use. Everything else is converted (a 1080p JPEG in
    about 6 ms; keep the result, the next call does it again), and checked: one frame, whole.

    Args:
        frame: Open.

    Returns:
        ``uint8[height, width, 3]``, C-contiguous.

    Raises:
        FrameOverwritten: The writer was faster; take a newer frame. Never for BGR24.
        FrameDamaged: It is not what the writer stored; take a newer frame. Never for BGR24.
        EncodeError: The JPEG cannot be decoded, or is not of the size that the frame tells.
        RuntimeError: The view's ``with`` block is over.
    """
    geometry = frame.info.geometry
    pixel_format = geometry.pixel_format
    if pixel_format is PixelFormat.BGR24:
        return frame.image
    try:
        if pixel_format is PixelFormat.JPEG:
            check_size(frame.payload.data, geometry.width, geometry.height)
            image = cv2.imdecode(frame.payload, _AS_STORED)
        else:
            image = cv2.cvtColor(frame.image, _TO_BGR[pixel_format])
    except (cv2.error, ValueError) as error:
        frame.verify()  # a torn JPEG is no broken one
        raise EncodeError(f"frame {frame.info.sequence}: {error}") from error
    frame.verify()
    if image is None:
        raise EncodeError(f"frame {frame.info.sequence} is a JPEG that cannot be decoded")
    return np.asarray(image, np.uint8)
