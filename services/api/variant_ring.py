"""The ring of one variant of a camera: the worker that holds its lock writes, the others read.

It is a ring as the camera's own, with JPEGs in its slots and a socket for notifications beside it,
so everything that is true of those is true of it: the kernel frees the lock when the worker dies,
and any ``VideoConsumer`` can read it. Its frames name the camera's frame they were made from.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from services.api.encoded import Made, framed
from services.api.encoding import Encoding
from services.api.feed import Feed
from services.api.subscriber import Subscriber
from shared.errors import FrameOverwritten, ProtocolError, RingUnavailable, WriterConflict
from shared.frame import Geometry, PixelFormat
from shared.naming import variant_paths, variants_left
from shared.publisher import Publisher
from shared.ring.attachment import Attachment
from shared.ring.lock import WriterProbe
from shared.ring.writer import RingWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from gevent.event import Event

    from services.api.encoded import EncodedFrame
    from services.api.variant import Variant
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths

__all__ = ["VariantReader", "VariantWriter", "suffix_of", "sweep_variants"]

log = logging.getLogger(__name__)

_SLOTS: Final = 4
"""Readers copy a frame within milliseconds; at 30 fps they have 100."""
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
        probe = WriterProbe(variant_paths(camera, suffix_of(variant)).lock)
    except (RingUnavailable, ValueError):
        return False
    try:
        return probe.writer_lives()
    finally:
        probe.close()


def sweep_variants(camera: SegmentPaths) -> None:
    """Remove what killed workers left of a camera's variants; what has an owner stays."""
    try:
        left = variants_left(camera)
    except OSError:
        return  # no such directory, or not for us: then there is nothing of ours in it
    for paths in left:
        try:
            with RingWriter(paths, patience_s=0.0):
                paths.socket.unlink(missing_ok=True)
        except WriterConflict:
            log.debug("%s: another worker writes it", paths.name)
        except (OSError, RingUnavailable) as error:
            log.warning("%s: left by a killed worker, and stays: %s", paths.name, error)


class VariantWriter:
    """The end of the worker that leads: it encodes for all workers of the host.

    Owned by one greenlet; nothing here waits.

    Args:
        paths: Of the variant.
        reserve_bytes: Room that must stay free beside the ring.
        label: What the variant is, for readers.
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
        """Take the lock; there is a ring after the first ``write``.

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

    def write(self, jpeg: EncodedFrame) -> None:
        """Give a picture to the other workers.

        Raises:
            RingSpaceError: There is no room for the ring.
            RingUnavailable: The directory went away.
            WriterConflict: Somebody removed the lock, and another worker took it.
        """
        picture = memoryview(jpeg.picture)
        self._writer.route(jpeg.hops)
        geometry = Geometry(jpeg.width, jpeg.height, PixelFormat.JPEG)
        slot = self._writer.begin(geometry, size_bytes=picture.nbytes)
        slot.payload[: picture.nbytes] = picture
        self._last = self._writer.commit(
            slot,
            jpeg.captured_at,
            online=jpeg.online,
            size_bytes=picture.nbytes,
            origin=jpeg.origin,
            origin_wall_us=jpeg.captured_wall_us,
        )
        self._publisher.publish(self._last)

    def watched(self) -> bool:
        """Whether another worker, or anybody, listens for its frames."""
        return self._publisher.watched()

    def beat(self) -> None:
        """Show readers that this worker is not hung; at least every 250 ms.

        Raises:
            WriterConflict: As ``write``.
            RingUnavailable: As ``write``.
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
