"""Pictures and blanks become frames: room in the ring is taken, filled and declared whole.

What the capture loop decides, this does; it knows no time and no source's condition::

    raw picture   begin(geometry)            ─► retrieve into slot.image   ─► commit
    JPEG          begin(geometry, its size)  ─► retrieve into slot.payload ─► commit(its size)
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np

from services.video.sources import PictureResized
from services.video.sources.source import Relayed, monotonic_ns
from shared.blank import FIRST_GEOMETRY, blank_jpeg, draw_blank
from shared.frame import PixelFormat

if TYPE_CHECKING:
    from services.video.sources import Grab, Source
    from shared.frame import FrameInfo, Geometry
    from shared.ring.writer import RingWriter, Slot

__all__ = ["FrameWriter"]


_OF_OUR_OWN: Final = Relayed(None)
"""What is said of a picture that was captured here."""


class FrameWriter:
    """Fills the ring; used by the capture loop's thread.

    Args:
        writer: Open.

    Attributes:
        geometry: Of the last frame; None before the first.
        wanted: Geometry that room was asked for last.
        wanted_bytes: How much room that is.
    """

    def __init__(self, writer: RingWriter) -> None:
        self._writer = writer
        self._capacity_bytes = 0
        self._told = _OF_OUR_OWN
        self.geometry: Geometry | None = None
        self.wanted: Geometry = FIRST_GEOMETRY
        self.wanted_bytes = 0

    def has_room(self, grab: Grab) -> bool:
        """Whether a picture fits into a slot as they are now."""
        return self.size_of(grab) <= self._capacity_bytes

    @staticmethod
    def size_of(grab: Grab) -> int:
        """How much room a picture needs, bytes."""
        return _size_of(grab.geometry, grab.size_bytes)

    def write_picture(self, source: Source, grab: Grab) -> FrameInfo:
        """Retrieve the picture that was grabbed last into the next frame.

        Raises:
            PictureUnreadable: It is damaged; its slot is used for the next one.
            RingSpaceError: There is no room for ``wanted``.
        """
        if grab.relayed is not None:
            self._tell(grab.relayed)
        slot = self._begin(grab.geometry, grab.size_bytes)
        geometry, image = grab.geometry, None
        try:
            geometry = source.retrieve(slot)
        except PictureResized as resized:
            geometry, image = resized.geometry, resized.image
        if image is not None:
            del slot  # nothing may refer to the old segment while a new one is made
            slot = self._begin(geometry)
            np.copyto(slot.image, image)
        relayed = grab.relayed or _OF_OUR_OWN
        info = self._writer.commit(
            slot,
            grab.captured_at,
            online=relayed.online,
            reason=relayed.reason,
            geometry=geometry,
            size_bytes=grab.size_bytes,
            origin=relayed.origin,
            origin_wall_us=relayed.wall_us,
        )
        self.geometry = geometry
        return info

    def _tell(self, relayed: Relayed) -> None:
        """Have readers know where frames come from and what time it is there, if that is new."""
        known, self._told = self._told, relayed
        if relayed.hops != known.hops:
            self._writer.route(relayed.hops)
        if relayed.clock != known.clock:
            self._writer.tell_clock(*relayed.clock)
        if relayed.reconnects != known.reconnects:
            self._writer.tell_reconnects(relayed.reconnects)

    def write_blank(self, reason: str) -> FrameInfo:
        """Write a blank of size and kind of the last frame; between JPEGs it is one too.

        Raises:
            RingSpaceError: There is no room for ``wanted``.
        """
        geometry = self.geometry or FIRST_GEOMETRY
        at, size_bytes = time.strftime("%Y-%m-%d %H:%M:%S"), None
        if geometry.pixel_format is PixelFormat.JPEG:
            jpeg = blank_jpeg(geometry.width, geometry.height, reason, at)
            size_bytes = jpeg.size
            slot = self._begin(geometry, size_bytes)
            slot.payload[:size_bytes] = jpeg
        else:
            slot = self._begin(geometry)
            draw_blank(slot.image, reason, at)
        info = self._writer.commit(
            slot, monotonic_ns(), online=False, reason=reason, size_bytes=size_bytes
        )
        self.geometry = geometry
        return info

    def _begin(self, geometry: Geometry, size_bytes: int | None = None) -> Slot:
        self.wanted, self.wanted_bytes = geometry, _size_of(geometry, size_bytes)
        slot = self._writer.begin(geometry, size_bytes)
        self._capacity_bytes = slot.payload.size
        return slot


def _size_of(geometry: Geometry, size_bytes: int | None) -> int:
    return geometry.size_bytes if size_bytes is None else size_bytes
