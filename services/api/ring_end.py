"""The end of a variant's ring that this worker has: it leads, it follows, or neither."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from services.api.variant_ring import VariantReader, VariantWriter
from shared.errors import RingSpaceError, RingUnavailable, WriterConflict
from shared.naming import variant_paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from gevent.event import Event

    from services.api.camera import Camera
    from services.api.encoded import EncodedFrame
    from services.api.variant import Variant
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths

__all__ = ["RingEnd"]

log = logging.getLogger(__name__)

_LAG_S: Final = 0.5
"""A ring that owes a frame for so long does not move: its leader hangs or was stopped."""
_RETRY_S: Final = 5.0


class RingEnd:
    """Leads if it can, follows if another worker does. Owned by the greenlet of one rendition.

    That the ring cannot be had is never an error here: it is said once, and tried again later.

    Args:
        camera: Where the frames come from.
        variant: What they are to become.
        suffix: Name of the variant.
        wake: Set when the ring of another worker has a new frame.
    """

    def __init__(self, camera: Camera, variant: Variant, suffix: str, wake: Event) -> None:
        self._camera = camera
        self._variant = variant
        self._suffix = suffix
        self._wake = wake
        self._again_at = 0.0
        self._writer: VariantWriter | None = None
        self._reader: VariantReader | None = None
        self._paths = self._name()

    @property
    def leads(self) -> bool:
        """Whether this worker encodes the variant for the whole host."""
        return self._writer is not None

    @property
    def follows(self) -> bool:
        """Whether another worker does."""
        return self._reader is not None

    def watched(self) -> bool:
        """Whether this worker leads and anybody follows."""
        return self._writer is not None and self._writer.watched()

    def try_to_lead(self) -> None:
        """Take the ring's lock if nobody holds it; a try costs about 15 us."""
        if self._paths is None or self._writer is not None or time.monotonic() < self._again_at:
            return
        camera = self._camera
        writer = VariantWriter(
            self._paths, camera.reserve_bytes, camera.name, checksums=camera.checksums
        )
        try:
            writer.open()
        except WriterConflict:
            return
        except (OSError, RingUnavailable) as error:
            self._fail(error)
        else:
            self.let_go()
            self._writer = writer

    def follow(self, info: FrameInfo) -> bool:
        """Begin or go on to follow, if this worker does not lead and the ring can be had.

        Args:
            info: The camera's newest frame.

        Returns:
            Whether this worker follows.
        """
        if self._paths is None or self._writer is not None or time.monotonic() < self._again_at:
            return False
        if self._reader is None:
            self._reader = VariantReader(
                self._paths, self._variant, self._wake, self._camera.darkroom.note_overwritten
            )
            self._reader.open(info)
        return True

    def take(self) -> tuple[FrameInfo, EncodedFrame] | None:
        """What the leader has encoded since the last call, see ``VariantReader.take``."""
        taken = None if self._reader is None else self._reader.take()
        if taken is not None:
            self._camera.ringless.discard(self._suffix)
        return taken

    def stands(self, info: FrameInfo) -> bool:
        """Whether the ring of another worker does not move.

        Args:
            info: The camera's newest frame.
        """
        return self._reader is not None and self._reader.behind_s(info) >= _LAG_S

    def share(self, jpeg: EncodedFrame) -> None:
        """Give a picture to those who follow, if this worker leads."""
        if self._manage(lambda writer: writer.write(jpeg)):
            self._camera.ringless.discard(self._suffix)

    def beat(self) -> None:
        """Show those who follow that this worker is not hung; at least every 250 ms."""
        self._manage(VariantWriter.beat)

    def let_go(self) -> None:
        """Give the ring up, whichever end of it we have; again is harmless."""
        writer, self._writer = self._writer, None
        reader, self._reader = self._reader, None
        if writer is not None:
            writer.close()
        if reader is not None:
            reader.close()

    def close(self) -> None:
        """Let go for good: the variant is not watched any more; again is harmless."""
        self.let_go()
        self._camera.ringless.discard(self._suffix)

    def _name(self) -> SegmentPaths | None:
        try:
            return variant_paths(self._camera.paths, self._suffix)
        except ValueError as error:
            self._say_once(error)
            return None

    def _manage(self, act: Callable[[VariantWriter], None]) -> bool:
        """Do something to the ring if this worker leads; give it up where that does not go.

        Returns:
            Whether it was done.
        """
        if self._writer is None:
            return False
        try:
            act(self._writer)
        except (OSError, RingSpaceError, RingUnavailable) as error:
            self._fail(error)
        except WriterConflict:
            self.let_go()
        else:
            return True
        return False

    def _fail(self, error: Exception) -> None:
        self.let_go()
        self._again_at = time.monotonic() + _RETRY_S
        self._say_once(error)

    def _say_once(self, error: Exception) -> None:
        """Warn that there is no ring: once per camera, until all variants have one again."""
        if not self._camera.ringless:
            log.warning(
                "%s: no ring for variant %s, each worker encodes for itself: %s",
                self._camera.name,
                self._suffix,
                error,
            )
        self._camera.ringless.add(self._suffix)
