"""The ring of one variant of a camera: the worker that holds its lock writes, the others read.

It is a led ring (``led_ring.py``) with JPEGs in its slots; its frames name the camera's frame they
were made from.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from services.api.encoded import Made, framed
from services.api.encoding import Encoding
from services.api.feed import Feed
from services.api.led_ring import LedRing, has_leader, sweep
from services.api.subscriber import Subscriber
from shared.errors import FrameOverwritten, ProtocolError, RingUnavailable
from shared.frame import Geometry, PixelFormat
from shared.naming import variant_paths, variants_left
from shared.ring.attachment import Attachment

if TYPE_CHECKING:
    from collections.abc import Callable

    from gevent.event import Event

    from services.api.encoded import EncodedFrame
    from services.api.variant import Variant
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths

__all__ = ["VariantReader", "VariantWriter", "suffix_of", "sweep_variants"]

_STALE_NS: Final = 500_000_000


def suffix_of(variant: Variant) -> str:
    """What a variant is called, its ring behind the camera's name: ``q40w640h360``, ``pngw640``."""
    encoding = "" if variant.encoding is Encoding.JPEG else variant.encoding.value
    quality = f"q{variant.quality}" if variant.encoding.lossy else ""
    passthrough = "p" if variant.passthrough else ""
    width = "" if variant.width is None else f"w{variant.width}"
    height = "" if variant.height is None else f"h{variant.height}"
    return f"{encoding}{quality}{passthrough}{width}{height}"


def is_led(camera: SegmentPaths, variant: Variant) -> bool:
    """Whether any worker encodes a variant: another one that follows costs no encoding."""
    try:
        return has_leader(variant_paths(camera, suffix_of(variant)))
    except ValueError:
        return False


def sweep_variants(camera: SegmentPaths) -> None:
    """Remove what killed workers left of a camera's variants; what has an owner stays."""
    try:
        sweep(variants_left(camera))
    except OSError:
        return  # no such directory, or not for us: then there is nothing of ours in it


class VariantWriter(LedRing):
    """The end of the worker that leads: it encodes for all workers of the host."""

    def write(self, jpeg: EncodedFrame) -> None:
        """Give a picture to the other workers.

        Raises:
            RingSpaceError: There is no room for the ring.
            RingUnavailable: The directory went away.
            WriterConflict: Somebody removed the lock, and another worker took it.
        """
        picture = memoryview(jpeg.picture)
        self.route(jpeg.hops)
        geometry = Geometry(jpeg.width, jpeg.height, PixelFormat.JPEG)
        slot = self.begin(geometry, picture.nbytes)
        slot.payload[: picture.nbytes] = picture
        self.commit(
            slot,
            jpeg.captured_at,
            online=jpeg.online,
            size_bytes=picture.nbytes,
            origin=jpeg.origin,
            origin_wall_us=jpeg.captured_wall_us,
        )


class VariantReader:
    """The end of a worker that follows. Owned by one greenlet.

    Args:
        paths: Of the variant.
        variant: What it is.
        wake: Set at every new frame.
        overwritten: Told of a picture that was gone or damaged when it was to be taken.
        clock: A steady clock, seconds.
    """

    def __init__(
        self,
        paths: SegmentPaths,
        variant: Variant,
        wake: Event,
        overwritten: Callable[[FrameOverwritten], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._quality = variant.quality
        self._wake = wake
        self._overwritten = overwritten
        self._clock = clock
        self._feed = Feed()
        self._attachment = Attachment(paths)
        self._subscriber = Subscriber(paths, self._attachment, self._feed, quiet=True)
        self._taken: FrameInfo | None = None
        self._behind_since: float | None = None

    def open(self, camera: FrameInfo) -> None:
        """Begin to follow; there need not be a ring yet.

        Args:
            camera: The camera's newest frame: what the ring holds of long before it is not taken.
        """
        self._feed.join(self._wake)
        self._subscriber.start()
        newest = self._feed.newest
        if newest is not None and newest.captured_at < camera.captured_at - _STALE_NS:
            self._taken = newest

    def close(self) -> None:
        """Let go of the ring; again is harmless."""
        self._feed.leave(self._wake)
        self._subscriber.stop()

    def take(self) -> tuple[FrameInfo, EncodedFrame] | None:
        """The ring's newest frame, if it was not taken yet.

        Returns:
            What is known about it, and a copy of the picture; None: nothing new.
        """
        self._subscriber.look()
        reader, newest = self._attachment.reader, self._feed.newest
        if reader is None or newest is None or newest == self._taken:
            return None
        if newest.epoch != reader.epoch:
            return None  # its ring was replaced, and the new one has no frame yet
        try:
            with reader.view(newest.sequence) as view:
                checksum = view.info.checksum
                jpeg = framed(view.info, view.payload, Made(self._quality), checksum=checksum)
                view.verify()
        except FrameOverwritten as error:
            self._overwritten(error)
            self._taken = newest
            return None  # the next one is soon there
        except (ProtocolError, RingUnavailable):
            return None
        self._taken, self._behind_since = newest, None
        return newest, jpeg

    def behind_s(self, camera: FrameInfo) -> float:
        """For how long the ring has owed the newest frame of the camera, or one before it.

        Args:
            camera: The camera's newest frame.
        """
        taken = self._taken
        if taken is not None and taken.origin == camera.origin:
            return 0.0
        if self._behind_since is None:
            self._behind_since = self._clock()
        return self._clock() - self._behind_since
