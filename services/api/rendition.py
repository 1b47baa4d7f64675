"""Rendition: a camera's frames as one variant; each is encoded once per host, or not at all.

One greenlet per variant that somebody watches. At each frame of the camera it is in one of these
roles, and looks again at the next frame::

    passes on      the camera's own JPEG is what was asked for: no encoding, no ring
    copies         uncompressed frames were asked for: copied or converted, no ring
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

from services.api.darkroom import passes
from services.api.ring_end import RingEnd
from services.api.variant_ring import suffix_of
from shared.errors import (
    EncodeError,
    FrameDamaged,
    FrameOverwritten,
    ProtocolError,
    RingUnavailable,
)
from shared.meter import Throttle

if TYPE_CHECKING:
    from services.api.camera import Camera
    from services.api.encoded import EncodedFrame
    from services.api.fanout import Fanout
    from services.api.variant import Variant
    from shared.frame import FrameInfo

__all__ = ["Rendition"]

log = logging.getLogger(__name__)

_LOOK_S: Final = 0.25
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
        self.newest: EncodedFrame | None = None
        self.info: FrameInfo | None = None
        self._camera = camera
        self._variant = variant
        self._fanout = fanout
        self._passes = False
        self._considered: FrameInfo | None = None
        self._complaint = Throttle()
        self._wake = Event()
        self._ring = RingEnd(camera, variant, self.suffix, self._wake)
        self._greenlet: gevent.Greenlet[[], None] | None = None

    @property
    def leads(self) -> bool:
        """Whether this worker encodes the variant for the whole host."""
        return self._ring.leads

    @property
    def follows(self) -> bool:
        """Whether another worker does."""
        return self._ring.follows

    @property
    def running(self) -> bool:
        """Whether its greenlet runs."""
        return self._greenlet is not None

    def look(self) -> None:
        """Have the greenlet look whether anything is to be done; start it if need be."""
        self._wake.set()
        if self._greenlet is None and not self._camera.stopped:
            self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """End the greenlet and let go of the ring; again is harmless."""
        if self._greenlet is not None:
            self._greenlet.kill(timeout=_END_S)
        self._ring.close()

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
            self._ring.close()
            self._greenlet = None
            self._camera.forget(self._fanout)

    def _needed(self) -> bool:
        """While it has clients here, or leads and somebody follows."""
        if self._camera.draining() or self._camera.stopped:
            return False
        return bool(self._fanout.streams) or self._ring.watched()

    def _turn(self) -> None:
        """Do what is to be done at a new frame, or after 250 ms without one."""
        self._ring.beat()
        info = self._camera.feed.newest
        if info is None or not self._camera.online():
            self._fanout.look()  # it has blanks to send, and patience that ends
            return
        self._consider(info)
        if not self._variant.encoding.compressed:
            self._encode(info)  # each worker copies the pixels itself: a ring would be a copy more
        elif passes(info, self._variant):
            self._passes = True
            self._ring.let_go()
            self._encode(info)
        elif self._passes and not info.online:
            self._encode(info)  # a blank between pictures that need no encoding: no case for a ring
        else:
            self._passes = False
            self._lead_or_follow(info)

    def _consider(self, info: FrameInfo) -> None:
        """Count the frames that came and went since this was told of one the last time."""
        last, self._considered = self._considered, info
        if last is not None and last.epoch == info.epoch:
            self._camera.counters.missed += max(0, info.sequence - last.sequence - 1)

    def _lead_or_follow(self, info: FrameInfo) -> None:
        self._ring.try_to_lead()
        if not self._ring.follow(info):
            self._encode(info)
            return
        taken = self._ring.take()
        if taken is not None:
            self._show(*taken)
        elif self._ring.stands(info):
            self._encode(info)

    def _encode(self, info: FrameInfo) -> None:
        """Have a frame encoded if anybody wants it, and show it to them."""
        camera = self._camera
        if not self._wanted(info):
            return
        try:
            made = self._develop(info)
        except FrameOverwritten as error:
            camera.darkroom.note_overwritten(error)
            if not isinstance(error, FrameDamaged):
                self._wake.set()  # a newer frame is there: look again at once
        except RingUnavailable:
            return  # it went while we looked: the next turn sees it
        except (EncodeError, ProtocolError) as error:
            camera.counters.encode_errors += 1
            self._complain(error)
        else:
            if made is not None:
                self._show(*made)
                self._ring.share(made[1])

    def _develop(self, info: FrameInfo) -> tuple[FrameInfo, EncodedFrame] | None:
        """The picture of a frame or a newer one; None: everybody left before it was our turn."""
        camera = self._camera
        if passes(info, self._variant):
            return info, camera.darkroom.develop(info, self._variant)
        with camera.darkroom.turn:
            if not self._needed():
                return None
            info = camera.feed.newest or info  # a newer one may have come meanwhile
            self._consider(info)
            return info, camera.darkroom.develop(info, self._variant)

    def _wanted(self, info: FrameInfo) -> bool:
        if not self._is_newer(info):
            return False
        return self._ring.watched() or self._fanout.wants(info)

    def _is_newer(self, info: FrameInfo) -> bool:
        """Whether a frame comes after the one shown: the ring's may be behind our own."""
        shown = self.info
        if shown is None:
            return True
        if shown.origin_epoch == info.origin_epoch:
            return info.origin_sequence > shown.origin_sequence
        if info.online and not shown.online:  # a relay's own blank may be younger than what follows
            return True
        return info.captured_at > shown.captured_at

    def _show(self, info: FrameInfo, jpeg: EncodedFrame) -> None:
        if self._is_newer(info):
            self.info, self.newest = info, jpeg
            self._fanout.look()

    def _complain(self, error: Exception) -> None:
        withheld = self._complaint.ready(time.monotonic())
        if withheld is not None:
            log.error("%s: %s (%d more withheld)", self._camera.name, error, withheld)
