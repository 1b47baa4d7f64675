"""A frame in the ring becomes a JPEG, in threads of our own.

Encoding releases the GIL, and only gevent's own thread pool runs beside the hub: a patched
``concurrent.futures`` executor runs *on* it and stopped every client for up to 97 ms (measured,
``docs/adr/0007``). The view is used first and checked afterwards: a JPEG of a frame
that was overwritten meanwhile is thrown away.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool

from services.api.jpeg import framed
from shared.blank import draw_blank
from shared.errors import EncodeError, RingcastError
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from services.api.jpeg import Jpeg
    from services.api.variant import Variant
    from shared.ring.reader import RingReader

__all__ = ["Encoder", "encode_image"]

_TO_BGR: Final = {
    PixelFormat.RGB24: cv2.COLOR_RGB2BGR,
    PixelFormat.BGRA32: cv2.COLOR_BGRA2BGR,
    PixelFormat.RGBA32: cv2.COLOR_RGBA2BGR,
}


class Encoder:
    """The threads that encode; one per worker process, made after the fork.

    Args:
        threads: How many frames may be encoded at once.

    Attributes:
        turn: To be taken before a frame is chosen: a frame that was chosen and then waits in the
            pool's queue is overwritten meanwhile when many variants are watched.
    """

    def __init__(self, threads: int) -> None:
        cv2.setNumThreads(1)
        self._pool = ThreadPool(threads)
        self.turn = BoundedSemaphore(threads)

    def encode(self, reader: RingReader, sequence: Sequence, variant: Variant) -> Jpeg:
        """Encode a frame of the ring; waits without blocking the hub.

        Raises:
            FrameOverwritten: The writer lapped us before the JPEG was whole: take a newer frame.
            EncodeError: The frame cannot be encoded.
        """
        return self._run(lambda: _encode_slot(reader, sequence, variant))

    def blank(
        self, geometry: Geometry, reason: str, of: FrameInfo | None, variant: Variant
    ) -> Jpeg:
        """Draw and encode the "no signal" frame; waits without blocking the hub.

        Args:
            geometry: Size to draw in.
            reason: Why there is no picture, for humans.
            of: The last frame seen, whose number the blank repeats: it is no new frame.
            variant: As asked for by the clients that get it.
        """
        return self._run(lambda: _encode_blank(geometry, reason, of, variant))

    def _run(self, work: Callable[[], Jpeg]) -> Jpeg:
        # gevent prints every exception that leaves a pool thread, and these are ordinary outcomes
        outcome: Jpeg | RingcastError = self._pool.apply(_caught, (work,))
        if isinstance(outcome, RingcastError):
            raise outcome
        return outcome


def _caught(work: Callable[[], Jpeg]) -> Jpeg | RingcastError:
    try:
        return work()
    except RingcastError as error:
        return error


def _encode_slot(reader: RingReader, sequence: Sequence, variant: Variant) -> Jpeg:
    """In a pool thread: encode, then let the view check that it was whole all the time."""
    with reader.view(sequence) as view:
        info = view.info
        geometry = info.geometry
        size = variant.fit(geometry.width, geometry.height)
        as_it_is = (
            geometry.pixel_format is PixelFormat.JPEG
            and variant.passthrough
            and size == (geometry.width, geometry.height)
        )
        if as_it_is:
            data: bytes | memoryview = view.payload.tobytes()
        else:
            image = (
                _decode(view.payload) if geometry.pixel_format is PixelFormat.JPEG else view.image
            )
            data = encode_image(image, geometry.pixel_format, size, variant.quality).data
    return framed(info, data)


def _encode_blank(geometry: Geometry, reason: str, of: FrameInfo | None, variant: Variant) -> Jpeg:
    image = np.zeros((geometry.height, geometry.width, 3), dtype=np.uint8)
    draw_blank(image, reason, time.strftime("%Y-%m-%d %H:%M:%S"))
    size = variant.fit(geometry.width, geometry.height)
    data = encode_image(image, PixelFormat.BGR24, size, variant.quality).data
    now = MonotonicNs(time.monotonic_ns())
    epoch, sequence = (of.epoch, of.sequence) if of else (Epoch(0), Sequence(0))
    blank = Geometry(*size, PixelFormat.JPEG)
    info = FrameInfo(epoch, sequence, now, now, blank, data.nbytes, online=False, reason=reason)
    return framed(info, data, quality=variant.quality)


def _decode(payload: NDArray[np.uint8]) -> NDArray[Any]:
    try:
        image = cv2.imdecode(payload, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise EncodeError(f"the camera's JPEG cannot be decoded: {error}") from error
    if image is None:
        raise EncodeError("the camera's JPEG cannot be decoded")
    return image


def encode_image(
    image: NDArray[Any], pixel_format: PixelFormat, size: tuple[int, int], quality: int
) -> NDArray[Any]:
    """Scale and encode one image.

    Args:
        image: ``uint8[height, width, channels]`` or ``uint8[height, width]``; read only, not kept.
        pixel_format: Order of its channels; ``JPEG`` means it was decoded to BGR.
        size: Width and height of the result.
        quality: 1 to 100.

    Returns:
        The JPEG, ``uint8[size_bytes]``, C-contiguous.

    Raises:
        EncodeError: OpenCV refused.
    """
    try:
        if size != (image.shape[1], image.shape[0]):
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        if pixel_format in _TO_BGR:
            image = cv2.cvtColor(image, _TO_BGR[pixel_format])
        whole, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error as error:
        raise EncodeError(f"frame cannot be encoded: {error}") from error
    if not whole:
        raise EncodeError("frame cannot be encoded")
    return data.reshape(-1)
