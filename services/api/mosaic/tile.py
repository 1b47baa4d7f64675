"""One camera in a mosaic: looks at its ring, and draws what is new there into its tile.

Looking is for the hub: a word of the ring is read, nothing waits. Drawing is for a thread: a JPEG
is decoded at a fraction of its size, pixels are made smaller straight from the slot. What was drawn
is shown only if the slot was not overwritten meanwhile; else the picture before stays.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from services.api import imaging
from services.api.advice import explain
from services.api.encoding import Encoding
from services.api.mosaic.caption import Caption
from shared.blank import draw_blank
from shared.errors import (
    EncodeError,
    FrameDamaged,
    FrameOverwritten,
    ProtocolError,
    RingUnavailable,
)
from shared.frame import MonotonicNs, PixelFormat
from shared.ring.attachment import Attachment, Condition

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from services.api.mosaic.grid import Box
    from shared.naming import SegmentPaths
    from shared.ring.reader import RingReader
    from shared.ring.view import FrameView

__all__ = ["Tile"]

_TRIES: Final = 2
_DEFECTIVE_NS: Final = 2_000_000_000
"""A camera all of whose frames could not be drawn for so long shows why instead of the last."""


class Tile:
    """Used by one greenlet, and by a thread while that greenlet waits for it.

    Args:
        name: Of the camera.
        paths: Of its ring.
        box: Where it lies in the mosaic.
        clock_ns: ``CLOCK_MONOTONIC`` in nanoseconds; replaced in tests.

    Attributes:
        name: Of the camera.
        online: Whether it shows a picture, not a blank.
        captured_at: When what it shows was captured, or the blank drawn; 0: nothing was yet.
        defect: Why the newest frame could not be drawn; empty: it could.
    """

    def __init__(
        self,
        name: str,
        paths: SegmentPaths,
        box: Box,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.name = name
        self.online = False
        self.captured_at = MonotonicNs(0)
        self.defect = ""
        self._box = box
        self._clock_ns = clock_ns
        self._caption = Caption(name, box.width, box.height)
        self._attachment = Attachment(paths)
        self._shown: tuple[object, ...] = ()
        self._wanted: tuple[object, ...] = ()
        self._drawn_at = clock_ns()

    @property
    def hops(self) -> tuple[str, ...]:
        """Nodes that its frames come through, this host's last; empty: not known."""
        reader = self._attachment.reader
        return () if reader is None else reader.hops

    def look(self) -> bool:
        """Whether there is anything new to be drawn: a frame, or a blank of another second."""
        reader = self._attachment.refresh()
        live = self._attachment.condition is Condition.LIVE
        if reader is not None and live and reader.head > 0:
            self._wanted = (reader.epoch, reader.head)
        else:
            self._wanted = ("blank", self._why(), self._clock_ns() // 1_000_000_000)
        return self._wanted != self._shown

    def draw(self, canvas: NDArray[Any]) -> bool:
        """Draw what the last ``look`` has found.

        Args:
            canvas: The whole mosaic, ``uint8[height, width, 3]``, BGR; only our box is written to.

        Returns:
            Whether it was drawn; else the tile is as it was.
        """
        self._shown = self._wanted
        reader = self._attachment.reader
        if reader is None or self._wanted[0] != reader.epoch:
            return self._draw_blank(canvas, self._why())
        self.defect = ""
        for _ in range(_TRIES):
            try:
                return self._draw_newest(canvas, reader)
            except FrameDamaged as error:
                self.defect = str(error)
                break
            except FrameOverwritten:
                continue  # a newer one is there
            except (EncodeError, ProtocolError) as error:
                self.defect = str(error)
                break
            except RingUnavailable:
                break  # it went while we looked: the next look says so
        if self.defect and self._clock_ns() - self._drawn_at >= _DEFECTIVE_NS:
            return self._draw_blank(canvas, self.defect)
        return False

    def close(self) -> None:
        """Let go of the ring; again is harmless."""
        self._attachment.close()

    def _why(self) -> str:
        why = explain(self._attachment.why, self._attachment.paths)
        return why or "there is no frame yet"

    def _draw_newest(self, canvas: NDArray[Any], reader: RingReader) -> bool:
        with reader.view(reader.head) as view:
            info = view.info
            picture = self._picture(view) if info.online else None
            view.verify()
        self._shown = (reader.epoch, info.sequence)
        if picture is None:
            self._draw_blank(canvas, info.reason or "the source gives nothing")
        else:
            self._draw_picture(canvas, picture)
            self.online = True
        self.captured_at = info.captured_at
        return True

    def _picture(self, view: FrameView) -> NDArray[Any]:
        """The frame in the size it has here, BGR; in memory of our own."""
        geometry = view.info.geometry
        inner = self._box.fit(geometry.width, geometry.height)
        size = (inner.width, inner.height)
        if geometry.pixel_format is PixelFormat.JPEG:
            whole = (geometry.width, geometry.height)
            try:
                image = imaging.decode(view.payload, whole, imaging.reduction(*whole, size))
            except EncodeError:
                view.verify()  # if it was overwritten meanwhile, or damaged, that is why
                raise
        else:
            image = view.image
        image, _ = imaging.to_pixels(
            imaging.shrink(image, size), geometry.pixel_format, Encoding.BGR24
        )
        return image.copy() if np.may_share_memory(image, view.payload) else image

    def _draw_picture(self, canvas: NDArray[Any], picture: NDArray[Any]) -> None:
        tile = canvas[self._box.region]
        height, width = picture.shape[:2]
        inner = self._box.fit(width, height)
        if (width, height) != (self._box.width, self._box.height):
            tile[:] = 0  # the bars beside it, where the name stands too
        canvas[inner.region] = picture
        self._finish(tile)

    def _draw_blank(self, canvas: NDArray[Any], why: str) -> bool:
        tile = canvas[self._box.region]
        draw_blank(tile, why, time.strftime("%Y-%m-%d %H:%M:%S"))
        self.online = False
        self.captured_at = MonotonicNs(self._clock_ns())
        self._finish(tile)
        return True

    def _finish(self, tile: NDArray[Any]) -> None:
        self._caption.draw(tile)
        self._drawn_at = self._clock_ns()
