"""A camera's ring as a stream: no HTTP, no encoder, and one machine's clock."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.latency.errors import StreamEnded, StreamRefused
from services.latency.picture import image_of
from services.latency.sighting import Sighting, look
from shared.consumer import VideoConsumer
from shared.errors import FrameOverwritten, ProtocolError, RingUnavailable
from shared.frame import PixelFormat
from shared.naming import DEFAULT_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from shared.ring.view import FrameView

__all__ = ["RingStream", "place_of"]

_JPEG: Final = {"content-type": "image/jpeg"}
_LONGEST_WAIT_S: Final = 0.5


def place_of(address: str) -> tuple[Path, str]:
    """Directory and name of ``shm:NAME`` or ``shm:/directory/NAME``."""
    place = Path(address.removeprefix("shm:"))
    return (place.parent if place.is_absolute() else DEFAULT_DIRECTORY), place.name


class RingStream:
    """Reads a ring, each frame at most once.

    Args:
        directory: Where it lies.
        name: The camera's ``video.shared_memory_name``.
        timeout_s: How long to wait for a Video Module, and for a frame.

    Attributes:
        received_bytes: Of all payloads so far.
        overwritten: Frames that the writer lapped while they were looked at.
    """

    def __init__(self, directory: Path, name: str, timeout_s: float) -> None:
        self.received_bytes = 0
        self.overwritten = 0
        self._timeout_s = timeout_s
        try:
            self._consumer = VideoConsumer(name, directory=directory, attach_timeout_s=timeout_s)
        except ValueError as error:
            raise StreamRefused(str(error)) from error

    def sightings(self, until_s: float) -> Iterator[Sighting]:
        """Yield every frame that can be had.

        Args:
            until_s: When to stop, steady clock, seconds.

        Raises:
            StreamRefused: There is no Video Module.
            StreamEnded: No frame for the timeout.
        """
        try:
            self._consumer.attach()
        except (RingUnavailable, ProtocolError) as error:
            raise StreamRefused(str(error)) from error
        newest_s = time.monotonic()
        with self._consumer:
            while (now_s := time.monotonic()) < until_s:
                view = self._consumer.wait_newer(min(_LONGEST_WAIT_S, until_s - now_s))
                if view is None:
                    if time.monotonic() - newest_s > self._timeout_s:
                        raise StreamEnded(f"no new frame in {self._timeout_s:g} s")
                    continue
                newest_s = time.monotonic()
                sighting = self._look(view)
                if sighting is not None:
                    yield sighting

    def _look(self, view: FrameView) -> Sighting | None:
        """What a frame says; None: it was overwritten meanwhile."""
        now_ns, wall_us = time.monotonic_ns(), time.time_ns() // 1000
        info = view.info
        said = Sighting(
            now_ns / 1e9,
            wall_us,
            wall_us - (now_ns - info.captured_at) // 1000,
            info.sequence,
            str(info.epoch),
            info.size_bytes,
            online=info.online,
        )
        try:
            with view:
                image: NDArray[np.uint8] | None = view.image
                if info.geometry.pixel_format is PixelFormat.JPEG:
                    image = image_of(_JPEG, view.payload.tobytes())
                seen = look(said, image)
        except FrameOverwritten:
            self.overwritten += 1
            return None
        self.received_bytes += info.size_bytes
        return seen
