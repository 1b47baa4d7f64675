"""Fan-out: one variant of one camera, encoded once and sent to everybody who is ready for it.

One greenlet per variant that somebody watches; it ends with its last client. It waits for the feed
(or 250 ms), has the newest frame encoded if anybody wants it, and hands the same bytes to all of
them. What nobody is ready for is never encoded.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import gevent
from gevent.event import Event

from shared.errors import EncodeError, FrameOverwritten, ProtocolError, RingUnavailable
from shared.meter import Throttle

if TYPE_CHECKING:
    from services.api.camera import Camera
    from services.api.jpeg import Jpeg
    from services.api.stream import Stream
    from services.api.variant import Variant

__all__ = ["Fanout"]

log = logging.getLogger(__name__)

_TEND_S: Final = 0.25
_BLANK_S: Final = 1.0
_BREATH: Final = 16
"""Clients served before the hub may look after others: 16 writes of 1080p take about 1 ms."""


class Fanout:
    """The clients of one variant.

    Args:
        camera: Where the frames come from.
        variant: What every client here gets.

    Attributes:
        streams: The clients.
    """

    def __init__(self, camera: Camera, variant: Variant) -> None:
        self._camera = camera
        self._variant = variant
        self._wake = Event()
        self._complaint = Throttle()
        self._tended_at = 0.0
        self._blank_at = 0.0
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self.streams: set[Stream] = set()

    def join(self, stream: Stream) -> None:
        """Add a client; it is offered the newest frame at once."""
        self.streams.add(stream)
        self._wake.set()
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def leave(self, stream: Stream) -> None:
        """Take a client out; again is harmless."""
        self.streams.discard(stream)
        self._wake.set()

    def _run(self) -> None:
        self._camera.feed.join(self._wake)
        try:
            while self.streams:
                self._wake.wait(_TEND_S)
                self._wake.clear()
                self._turn(time.monotonic())
        except Exception:
            log.exception("%s: stream generation error", self._camera.name)
            self._end_all("stream generation error")
        finally:
            self._camera.feed.leave(self._wake)
            self._greenlet = None
            self._camera.forget(self)
            if self.streams:  # somebody joined while this greenlet was ending
                self._end_all("the stream was interrupted")

    def _turn(self, now: float) -> None:
        """Do what is to be done at a new frame, or after 250 ms without one."""
        camera = self._camera
        if camera.draining():
            self._end_all("the server is shutting down")
        elif camera.online():
            self._offer_newest()
        elif camera.lost_for_s() > camera.limits.video_loss_grace_sec:
            self._end_all(f"the Video Module did not come back: {camera.why()}")
        elif now - self._blank_at >= _BLANK_S:
            self._blank_at = now
            self._send(camera.blank(self._variant), [s for s in self.streams if s.ready()])
        if now - self._tended_at >= _TEND_S:
            self._tended_at = now
            for stream in tuple(self.streams):
                stream.tend()

    def _offer_newest(self) -> None:
        camera = self._camera
        ready = self._ready()
        if not ready:
            return
        try:
            wait = camera.turn.locked()
            with camera.turn:
                ready = self._ready() if wait else ready  # a newer frame may have come
                info = camera.feed.newest
                if info is None or not ready:
                    return
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
            self._blank_at = 0.0
            self._send(jpeg, ready)

    def _ready(self) -> list[Stream]:
        """The clients that want the newest frame, and can take it."""
        feed = self._camera.feed
        info = feed.newest
        if info is None:
            return []
        source_fps = feed.fps()
        return [stream for stream in self.streams if stream.wants(info, source_fps)]

    def _send(self, jpeg: Jpeg, streams: list[Stream]) -> None:
        for count, stream in enumerate(streams, start=1):
            if not stream.ended:
                stream.send(jpeg)
            if count % _BREATH == 0:
                gevent.sleep(0)

    def _end_all(self, why: str) -> None:
        for stream in tuple(self.streams):
            stream.end(why)

    def _complain(self, error: Exception) -> None:
        withheld = self._complaint.ready(time.monotonic())
        if withheld is not None:
            log.error("%s: %s (%d more withheld)", self._camera.name, error, withheld)
