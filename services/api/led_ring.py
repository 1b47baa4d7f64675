"""A ring that one worker writes for all workers of the host: whoever holds its lock leads.

It is a ring as a camera's own, with a socket for notifications beside it, so everything that is
true of those is true of it: the kernel frees the lock when the worker dies, the next one that tries
takes over, and any ``VideoConsumer`` can read it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from shared.errors import RingUnavailable, WriterConflict
from shared.publisher import Publisher
from shared.ring.lock import WriterProbe
from shared.ring.writer import RingWriter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, Sequence
    from shared.naming import SegmentPaths
    from shared.ring.writer import Slot

__all__ = ["LedRing", "has_leader", "sweep"]

log = logging.getLogger(__name__)

_SLOTS: Final = 4
"""Readers copy a frame within milliseconds; at 30 fps they have 100."""


def has_leader(paths: SegmentPaths) -> bool:
    """Whether any worker leads a ring."""
    try:
        probe = WriterProbe(paths.lock)
    except RingUnavailable:
        return False
    try:
        return probe.writer_lives()
    finally:
        probe.close()


def sweep(rings: Iterable[SegmentPaths]) -> None:
    """Remove what killed workers left of rings; what has an owner stays."""
    for paths in rings:
        try:
            with RingWriter(paths, patience_s=0.0):
                paths.socket.unlink(missing_ok=True)
        except WriterConflict:
            log.debug("%s: another worker writes it", paths.name)
        except (OSError, RingUnavailable) as error:
            log.warning("%s: left by a killed worker, and stays: %s", paths.name, error)


class LedRing:
    """The end of the worker that leads. Owned by one greenlet; nothing here waits.

    Args:
        paths: Of the ring.
        reserve_bytes: Room that must stay free beside it.
        label: What it shows, for readers.
        checksums: Whether its frames carry them.
    """

    def __init__(
        self, paths: SegmentPaths, reserve_bytes: int, label: str, *, checksums: bool = False
    ) -> None:
        self._writer = RingWriter(
            paths,
            slots=_SLOTS,
            reserve_bytes=reserve_bytes,
            label=label,
            patience_s=0.0,
            checksums=checksums,
        )
        self._publisher = Publisher(paths)
        self._last: FrameInfo | None = None

    def open(self) -> None:
        """Take the lock; there is a ring after the first frame.

        Raises:
            WriterConflict: Another worker holds it.
            RingUnavailable: The directory is missing or not writable.
        """
        self._writer.open()
        try:
            self._publisher.open()
        except BaseException:
            self.close()
            raise

    def route(self, hops: tuple[str, ...]) -> None:
        """Say through which nodes its frames come from now on, see ``RingWriter.route``."""
        self._writer.route(hops)

    def begin(self, geometry: Geometry, size_bytes: int | None = None) -> Slot:
        """Make room for the next frame, see ``RingWriter.begin``.

        Raises:
            RingSpaceError: There is no room for the ring.
            RingUnavailable: The directory went away.
            WriterConflict: Somebody removed the lock, and another worker took it.
        """
        return self._writer.begin(geometry, size_bytes=size_bytes)

    def commit(  # noqa: PLR0913 - all that a frame says about itself
        self,
        slot: Slot,
        captured_at: MonotonicNs,
        *,
        online: bool,
        reason: str = "",
        size_bytes: int | None = None,
        origin: tuple[Epoch, Sequence] | None = None,
        origin_wall_us: int = 0,
    ) -> None:
        """Declare the frame whole, see ``RingWriter.commit``, and tell those who follow.

        Raises:
            WriterConflict: As ``begin``.
        """
        self._last = self._writer.commit(
            slot,
            captured_at,
            online=online,
            reason=reason,
            size_bytes=size_bytes,
            origin=origin,
            origin_wall_us=origin_wall_us,
        )
        self._publisher.publish(self._last)

    def watched(self) -> bool:
        """Whether another worker, or anybody, listens for its frames."""
        return self._publisher.watched()

    def beat(self) -> None:
        """Show readers that this worker is not hung; at least every 250 ms.

        Raises:
            WriterConflict: As ``begin``.
            RingUnavailable: As ``begin``.
        """
        self._writer.heartbeat()
        self._publisher.check()

    def close(self) -> None:
        """Give the ring up: a last notification lets others take over at once."""
        try:
            self._publisher.withdraw()
            self._writer.close()
            if self._last is not None:
                self._publisher.publish(self._last)
        except OSError as error:
            log.warning("cannot be cleared away: %s", error)
        finally:
            self._publisher.close()
