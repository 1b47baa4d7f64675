"""Composes one mosaic, if no other worker of the host does: tiles in, frames of a ring out.

Frames are numbered as every camera's are. One is as old as the newest picture in it: a client that
wants what was captured after its request gets a mosaic in which something is, and does not wait for
a camera that gives nothing.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import numpy as np

from services.api.led_ring import LedRing
from services.api.mosaic.tile import Tile
from shared.errors import RingSpaceError, RingUnavailable, WriterConflict
from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.meter import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.mosaic.wish import Mosaic
    from shared.ring.writer import Slot

__all__ = ["Composer"]

log = logging.getLogger(__name__)

_RETRY_S: Final = 5.0
_HOST_CHARACTERS: Final = 40
"""A node's name has 64 at most, and the mosaic's own comes behind it."""


class Composer:
    """Leads the mosaic's ring if it can. Owned by one greenlet.

    Args:
        mosaic: Which cameras, and where.
        reserve_bytes: Room that must stay free beside the ring.
        checksums: Whether its frames carry them.
        in_thread: Calls a function in a thread, and waits for it without blocking others.

    Attributes:
        composed: Frames that were written here.
        busy_ns: What they took in the thread, nanoseconds.
    """

    def __init__(
        self,
        mosaic: Mosaic,
        in_thread: Callable[[Callable[[], bool]], bool],
        reserve_bytes: int = 0,
        *,
        checksums: bool = False,
    ) -> None:
        self._mosaic = mosaic
        self._in_thread = in_thread
        self._reserve_bytes = reserve_bytes
        self._checksums = checksums
        self._geometry = Geometry(*mosaic.grid.size, PixelFormat.BGR24)
        self._canvas = np.zeros(self._geometry.shape, np.uint8)
        self._again_at = 0.0
        self._complaint = Throttle()
        self._routed = False
        self._ring: LedRing | None = None
        self.tiles: list[Tile] = []
        self.composed = 0
        self.busy_ns = 0

    @property
    def leads(self) -> bool:
        """Whether this worker composes the mosaic for the whole host."""
        return self._ring is not None

    def watched(self) -> bool:
        """Whether this worker composes, and anybody listens for the mosaic's frames."""
        return self._ring is not None and self._ring.watched()

    def try_to_lead(self) -> bool:
        """Take the ring's lock if nobody holds it; says whether this worker leads now."""
        if self._ring is not None or time.monotonic() < self._again_at:
            return self.leads
        label = self._mosaic.query
        ring = LedRing(self._mosaic.paths, self._reserve_bytes, label, checksums=self._checksums)
        try:
            ring.open()
        except WriterConflict:
            return False
        except (OSError, RingUnavailable) as error:
            self._fail(error)
            return False
        self._ring, self._routed = ring, False
        cameras, grid = self._mosaic.cameras, self._mosaic.grid
        self._canvas[:] = 0
        self.tiles = [
            Tile(name, paths, grid.box(index)) for index, (name, paths) in enumerate(cameras)
        ]
        log.info("%s: composed here: %s", self._mosaic.paths.name, label)
        return True

    def beat(self) -> None:
        """Show those who follow that this worker is not hung; at least every 250 ms."""
        self._manage(_beat)

    def turn(self) -> bool:
        """Compose a frame if this worker leads, and any tile has changed.

        Returns:
            Whether there is a new frame.
        """
        return self._manage(self._compose)

    def close(self) -> None:
        """Give the ring up, another worker takes over; again is harmless."""
        ring, self._ring = self._ring, None
        tiles, self.tiles = self.tiles, []
        if ring is not None:
            ring.close()
        for tile in tiles:
            tile.close()

    def _manage(self, act: Callable[[LedRing], bool]) -> bool:
        """Do something to the ring if this worker leads; give it up where that does not go.

        Returns:
            What came of it; False: nothing.
        """
        if self._ring is None:
            return False
        try:
            return act(self._ring)
        except WriterConflict:
            self.close()
        except (OSError, RingSpaceError, RingUnavailable) as error:
            self._fail(error)
        return False

    def _compose(self, ring: LedRing) -> bool:
        ring.beat()
        changed = [tile for tile in self.tiles if tile.look()]
        if not changed:
            return False
        self._route(ring)
        slot = ring.begin(self._geometry)
        if not self._in_thread(lambda: self._fill(slot, changed)) or self._ring is not ring:
            return False
        self._commit(ring, slot)
        self.composed += 1
        return True

    def _route(self, ring: LedRing) -> None:
        """Call the mosaic a node of this host, as soon as a camera's ring tells how that is called.

        It is an origin: its frames have numbers of their own, whatever its cameras came through.
        """
        hops = next((tile.hops for tile in self.tiles if tile.hops), ())
        if hops and not self._routed:
            host = hops[-1].partition("/")[0]
            ring.route((f"{host[:_HOST_CHARACTERS]}/{self._mosaic.paths.name}",))
            self._routed = True

    def _fill(self, slot: Slot, changed: list[Tile]) -> bool:
        """In a thread: draw what is new, and lay the whole into the slot; says whether it did."""
        begun_at = time.monotonic_ns()
        drawn = [tile.draw(self._canvas) for tile in changed]
        if any(drawn):
            slot.image[:] = self._canvas
        self.busy_ns += time.monotonic_ns() - begun_at
        return any(drawn)

    def _commit(self, ring: LedRing, slot: Slot) -> None:
        online = any(tile.online for tile in self.tiles)
        captured_at = max(tile.captured_at for tile in self.tiles)
        why = "" if online else "no camera of this mosaic gives a picture"
        ring.commit(slot, MonotonicNs(captured_at), online=online, reason=why)

    def _fail(self, error: Exception) -> None:
        self.close()
        self._again_at = time.monotonic() + _RETRY_S
        withheld = self._complaint.ready(time.monotonic())
        if withheld is not None:
            name = self._mosaic.paths.name
            log.error("%s: cannot be composed: %s (%d more withheld)", name, error, withheld)


def _beat(ring: LedRing) -> bool:
    ring.beat()
    return True
