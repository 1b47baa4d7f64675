"""Rendition: a camera's frames as one variant; each is encoded once per host, or not at all.

One greenlet per variant that somebody watches. At each frame of the camera it is in one of these
roles, and looks again at the next frame::

    passes on      the camera's own JPEG is what was asked for: no encoding, no ring
    leads          holds the lock of the variant's ring: encodes, and writes that ring
    follows        another worker leads: takes the JPEGs from the ring
    by itself      the ring cannot be made, or does not move: encodes for its own clients only

A follower tries the lock at each frame, so it takes over about a frame after a leader has left or
died, whatever it died of. Meanwhile the fan-out sends the frame before: see ``fanout.py``.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import gevent
from gevent.event import Event

from services.api.variant_ring import VariantReader, VariantWriter, suffix_of
from shared.errors import (
    EncodeError,
    FrameOverwritten,
    ProtocolError,
    RingSpaceError,
    RingUnavailable,
    WriterConflict,
)
from shared.meter import Throttle
from shared.naming import variant_paths

if TYPE_CHECKING:
    from services.api.camera import Camera
    from services.api.fanout import Fanout
    from services.api.jpeg import Jpeg
    from services.api.variant import Variant
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths

__all__ = ["Rendition"]

log = logging.getLogger(__name__)

_LOOK_S: Final = 0.25
_LAG_S: Final = 0.5
"""A ring that owes a frame for so long does not move: its leader hangs or was stopped."""
_RING_RETRY_S: Final = 5.0
_END_S: Final = 1.0


class Rendition:
    """The newest picture of one variant in this worker.

    Args:
        camera: Where the frames come from.
        variant: What they are to become.
        fanout: The clients; says what they want, and is told of each new picture.

    Attributes:
        suffix: Name of the variant.
        newest: The newest picture; None: none yet.
        info: The camera's frame it shows, as far as pacing needs to know; None: none yet.
    """

    def __init__(self, camera: Camera, variant: Variant, fanout: Fanout) -> None:
        self.suffix = suffix_of(variant)
        self.newest: Jpeg | None = None
        self.info: FrameInfo | None = None
        self._camera = camera
        self._variant = variant
        self._fanout = fanout
        self._paths = self._name_ring()
        self._writer: VariantWriter | None = None
        self._reader: VariantReader | None = None
        self._passes = False
        self._ring_again_at = 0.0
        self._complaint = Throttle()
        self._wake = Event()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    @property
    def leads(self) -> bool:
        """Whether this worker encodes the variant for the whole host."""
        return self._writer is not None

    @property
    def follows(self) -> bool:
        """Whether another worker does."""
        return self._reader is not None

    @property
    def running(self) -> bool:
        """Whether its greenlet runs."""
        return self._greenlet is not None

    def look(self) -> None:
        """Have the greenlet look whether anything is to be done; start it if need be."""
        self._wake.set()
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """End the greenlet and let go of the ring; again is harmless."""
        if self._greenlet is not None:
            self._greenlet.kill(timeout=_END_S)
        self._let_go()

    def _name_ring(self) -> SegmentPaths | None:
        try:
            return variant_paths(self._camera.paths, self.suffix)
        except ValueError as error:
            self._say_once(error)
            return None

    def _run(self) -> None:
        self._camera.feed.join(self._wake)
        try:
            while self._needed():
                self._wake.wait(_LOOK_S)
                self._wake.clear()
                self._turn()
        except Exception:
            log.exception("%s: stream generation error", self._camera.name)
            self._fanout.end_all("stream generation error")
        finally:
            self._camera.feed.leave(self._wake)
            self._let_go()
            self._greenlet = None
            self._camera.forget(self._fanout)

    def _needed(self) -> bool:
        """While it has clients here, or leads and somebody follows."""
        if self._camera.draining():
            return False
        return bool(self._fanout.streams) or (self._writer is not None and self._writer.watched())

    def _turn(self) -> None:
        """Do what is to be done at a new frame, or after 250 ms without one."""
        self._beat()
        info = self._camera.feed.newest
        if info is None or not self._camera.online():
            self._fanout.look()  # it has blanks to send, and patience that ends
            return
        if self._camera.passes(info, self._variant):
            self._passes = True
            self._let_go()
            self._encode(info)
        elif self._passes and not info.online:
            self._encode(info)  # a blank between pictures that need no encoding: no case for a ring
        else:
            self._passes = False
            self._lead_or_follow(info)

    def _lead_or_follow(self, info: FrameInfo) -> None:
        paths = self._paths
        if paths is not None and self._writer is None and not self._ring_rests():
            self._try_to_lead(paths)
        if paths is None or self._writer is not None or self._ring_rests():
            self._encode(info)
        else:
            self._follow(paths, info)

    def _ring_rests(self) -> bool:
        """Whether the ring could not be had a moment ago."""
        return time.monotonic() < self._ring_again_at

    def _try_to_lead(self, paths: SegmentPaths) -> None:
        """Take the ring's lock if nobody holds it; a try costs about 10 us."""
        writer = VariantWriter(paths, self._camera.reserve_bytes, self._camera.name)
        try:
            writer.open()
        except WriterConflict:
            return
        except (OSError, RingUnavailable) as error:
            self._fail(error)
        else:
            self._let_go()
            self._writer = writer

    def _fail(self, error: Exception) -> None:
        """The ring cannot be had: encode for ourselves, say so once, try again later."""
        self._let_go()
        self._ring_again_at = time.monotonic() + _RING_RETRY_S
        self._say_once(error)

    def _say_once(self, error: Exception) -> None:
        """Warn that there is no ring: once per camera, until there is one again."""
        if not self._camera.ringless:
            log.warning(
                "%s: no ring for variant %s, each worker encodes for itself: %s",
                self._camera.name,
                self.suffix,
                error,
            )
        self._camera.ringless = True

    def _follow(self, paths: SegmentPaths, info: FrameInfo) -> None:
        reader = self._reader
        if reader is None:
            reader = self._reader = VariantReader(paths, self._variant, self._wake)
            reader.open(info)
        taken = reader.take()
        if taken is not None:
            self._camera.ringless = False
            self._show(*taken)
        elif reader.behind_s(info) >= _LAG_S:
            self._encode(info)

    def _encode(self, info: FrameInfo) -> None:
        """Have a frame encoded if anybody wants it, and show it to them."""
        camera = self._camera
        if not self._wanted(info):
            return
        try:
            if camera.passes(info, self._variant):
                jpeg = camera.jpeg(info, self._variant)
            else:
                with camera.turn:
                    info = camera.feed.newest or info  # a newer one may have come meanwhile
                    jpeg = camera.jpeg(info, self._variant)
        except FrameOverwritten:
            camera.counters.overwritten += 1
            self._wake.set()  # a newer frame is there: look again at once
        except RingUnavailable:
            return  # it went while we looked: the next turn sees it
        except (EncodeError, ProtocolError) as error:
            camera.counters.encode_errors += 1
            self._complain(error)
        else:
            self._show(info, jpeg)
            self._share(jpeg)

    def _wanted(self, info: FrameInfo) -> bool:
        if not self._is_newer(info):
            return False
        followed = self._writer is not None and self._writer.watched()
        return followed or self._fanout.wants(info)

    def _is_newer(self, info: FrameInfo) -> bool:
        """Whether a frame comes after the one shown: the ring's may be behind our own."""
        shown = self.info
        if shown is None:
            return True
        if shown.epoch == info.epoch:
            return info.sequence > shown.sequence
        return info.captured_at > shown.captured_at

    def _show(self, info: FrameInfo, jpeg: Jpeg) -> None:
        if self._is_newer(info):
            self.info, self.newest = info, jpeg
            self._fanout.look()

    def _share(self, jpeg: Jpeg) -> None:
        """Write the ring, if we lead."""
        if self._writer is None:
            return
        try:
            self._writer.write(jpeg)
        except (OSError, RingSpaceError, RingUnavailable) as error:
            self._fail(error)
        except WriterConflict:
            self._let_go()
        else:
            self._camera.ringless = False

    def _beat(self) -> None:
        if self._writer is None:
            return
        try:
            self._writer.beat()
        except (OSError, RingSpaceError, RingUnavailable) as error:
            self._fail(error)
        except WriterConflict:
            self._let_go()

    def _let_go(self) -> None:
        """Give the ring up, whichever end of it we have."""
        writer, self._writer = self._writer, None
        reader, self._reader = self._reader, None
        if writer is not None:
            writer.close()
        if reader is not None:
            reader.close()

    def _complain(self, error: Exception) -> None:
        withheld = self._complaint.ready(time.monotonic())
        if withheld is not None:
            log.error("%s: %s (%d more withheld)", self._camera.name, error, withheld)
