"""Fan-out: sends the pictures of one variant to everybody who is ready for them.

One greenlet per variant that somebody watches in this worker; it ends with its last client. The
rendition makes the pictures and wakes it; while it sends frame N to some hundred clients, which
takes milliseconds, frame N+1 is already being encoded. What nobody is ready for is never encoded:
the rendition asks here first.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final, Protocol

import gevent
from gevent.event import Event

from services.api.breath import breathe
from services.api.rendition import Rendition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.api.adaptive import Adaptation
    from services.api.camera import Camera
    from services.api.client import Client
    from services.api.encoded import EncodedFrame
    from services.api.variant import Variant
    from shared.frame import FrameInfo

__all__ = ["Fanout", "Viewer"]

log = logging.getLogger(__name__)

_TEND_S: Final = 0.25
_BLANK_S: Final = 1.0
_STALE_NS: Final = 250_000_000
"""A picture older than the camera's newest by more is not what a newcomer should see first."""
_BREATH: Final = 32
"""Clients served before the hub may look after others: 32 parts of 1080p take 1 to 2 ms."""


class Viewer(Protocol):
    """One that is sent pictures; a client may be several, as with cameras of one WebSocket.

    Attributes:
        adaptation: Moves it to what it can follow; None: it gets one variant.
        client: Who it is, for lists of clients.
        ended: Why it is over; empty while it is not.
    """

    adaptation: Adaptation | None
    client: Client
    ended: str

    def would_take(self, info: FrameInfo, source_fps: float) -> bool:
        """Whether it would be sent a frame, if it were a picture; counts nothing."""
        ...

    def wants(self, info: FrameInfo, source_fps: float) -> bool:
        """Whether a frame is to be sent now; counts what is skipped and dropped."""
        ...

    def ready(self) -> bool:
        """Whether it takes anything now."""
        ...

    def send(self, jpeg: EncodedFrame) -> None:
        """Send a picture, without waiting; only when ``ready``."""
        ...

    def tend(self) -> None:
        """Do what is to be done now and then, frames or not."""
        ...

    def end(self, why: str) -> None:
        """Have it end; again is harmless."""
        ...


class Fanout:
    """The clients of one variant.

    Args:
        camera: Where the frames come from.
        variant: What every client here gets.

    Attributes:
        variant: What every client here gets.
        streams: The clients.
        rendition: Makes their pictures.
    """

    def __init__(self, camera: Camera, variant: Variant) -> None:
        self._camera = camera
        self.variant = variant
        self._wake = Event()
        self._tended_at = 0.0
        self._blank_at = 0.0
        self._offered: EncodedFrame | None = None
        self._newcomers: set[Viewer] = set()
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self.streams: set[Viewer] = set()
        self.rendition = Rendition(camera, variant, self)

    @property
    def idle(self) -> bool:
        """Whether nothing of it is needed any more."""
        return not self.streams and self._greenlet is None and not self.rendition.running

    @property
    def adaptive(self) -> int:
        """How many of the clients may move to another variant."""
        return sum(stream.adaptation is not None for stream in self.streams)

    def join(self, stream: Viewer) -> None:
        """Add a client; it is offered the newest frame at once."""
        self.streams.add(stream)
        self._newcomers.add(stream)
        stream.client.variant = self.rendition.suffix
        self.look()
        self.rendition.look()
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def call(self, stream: Viewer) -> None:
        """Offer a client the newest picture soon, without waiting for the next."""
        if stream in self.streams:
            self._newcomers.add(stream)
            self.look()

    def leave(self, stream: Viewer) -> None:
        """Take a client out; again is harmless."""
        self.streams.discard(stream)
        self._newcomers.discard(stream)
        if not self.streams:
            self.look()
            self.rendition.look()

    def let_go(self) -> None:
        """Keep no picture any more: each is an open file, and nobody is to be sent it."""
        self._offered = None
        self.rendition.let_go()

    def wants(self, info: FrameInfo) -> bool:
        """Whether any client would be sent this frame of the camera, if it were a picture.

        If so it is offered later, and counted then: until that the one before may still be sent.
        """
        source_fps = self._camera.feed.fps()
        if any(stream.would_take(info, source_fps) for stream in self.streams):
            return True
        for stream in self.streams:
            stream.wants(info, source_fps)  # it will not be offered: counted here
        return False

    def look(self) -> None:
        """Have the greenlet look whether there is anything to be sent."""
        self._wake.set()

    def end_all(self, why: str) -> None:
        """End every stream."""
        for stream in tuple(self.streams):
            stream.end(why)

    def _run(self) -> None:
        try:
            while self.streams:
                self._wake.wait(_TEND_S)
                self._wake.clear()
                self._turn(time.monotonic())
        except Exception:
            log.exception("%s: stream generation error", self._camera.name)
            self.end_all("stream generation error")
        finally:
            self._greenlet = None
            self._camera.forget(self)

    def _turn(self, now: float) -> None:
        """Do what is to be done at a new picture, or after 250 ms without one."""
        camera = self._camera
        tending = now - self._tended_at >= _TEND_S
        if over := camera.over():
            self.end_all(over)
        elif camera.online():
            self._offer_newest(everybody=tending)
        elif camera.lost_for_s() > camera.limits.video_loss_grace_sec:
            self.end_all(f"the Video Module did not come back: {camera.why()}")
        elif now - self._blank_at >= _BLANK_S:
            self._blank_at = now
            blank = camera.blank(self.variant)
            self._send(blank, (stream for stream in tuple(self.streams) if stream.ready()))
        if tending:
            self._tended_at = now
            if not self.rendition.running:  # a client came at the moment when it ended
                self.rendition.look()
            for stream in tuple(self.streams):
                stream.tend()

    def _offer_newest(self, *, everybody: bool) -> None:
        """Send the newest picture to those who want it.

        A new one is offered to all; one that was offered before to those who came since, and at
        times to all again: who was too slow for it may be ready now.
        """
        jpeg, info = self.rendition.newest, self.rendition.info
        if jpeg is None or info is None:
            return
        new = jpeg is not self._offered
        if not new and self._is_stale(info):
            return
        self._offered, self._blank_at = jpeg, 0.0
        newcomers, self._newcomers = tuple(self._newcomers), set()
        asked = tuple(self.streams) if new or everybody else newcomers
        source_fps = self._camera.feed.fps()
        self._send(jpeg, (stream for stream in asked if stream.wants(info, source_fps)))

    def _is_stale(self, info: FrameInfo) -> bool:
        newest = self._camera.feed.newest
        return newest is not None and info.captured_at < newest.captured_at - _STALE_NS

    def _send(self, jpeg: EncodedFrame, streams: Iterable[Viewer]) -> None:
        for count, stream in enumerate(streams, start=1):
            if not stream.ended:
                stream.send(jpeg)
            if count % _BREATH == 0:
                breathe()
