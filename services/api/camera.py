"""A camera as the API sees it: its ring, its newest frame, its pictures and its clients."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from services.api.advice import VIDEO_MODULE, CameraNotLive, explain
from services.api.audience import Audience
from services.api.counters import Counters
from services.api.darkroom import Darkroom
from services.api.fanout import Fanout
from services.api.feed import Feed
from services.api.kept import LastFrame, copy_newest
from services.api.lifespan import LEAVING
from services.api.origin import Origin
from services.api.raw_room import RawRoom
from services.api.report import about_source, about_worker
from services.api.room import Room
from services.api.snapshots import Snapshots
from services.api.subscriber import Subscriber
from services.api.variant import parse_options
from services.api.variant_ring import is_led, sweep_variants
from services.api.watched import Watched
from shared.errors import RingUnavailable
from shared.frame import MonotonicNs
from shared.ring.attachment import Attachment, Condition

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.advice import Advice
    from services.api.chronicle import Chronicle
    from services.api.encoded import EncodedFrame
    from services.api.encoder import Encoder
    from services.api.kept import KeptFrame
    from services.api.variant import Variant
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths
    from shared.settings import Settings

__all__ = ["Camera"]

_ANY_TIME: Final = MonotonicNs(0)
_FRESH_MS: Final = 3000.0
"""A frame older than this is not fresh: the Video Module gives at least a blank every second."""


class Camera:
    """One camera of this worker process.

    Args:
        name: As in the URL.
        paths: Its segment, lock and socket.
        settings: All of them.
        encoder: The worker's encoding threads.
        draining: Says whether the worker is shutting down.
        advice: What to do about whoever should write the ring.

    Attributes:
        name: As in the URL.
        feed: The newest frame.
        counters: What happened to its frames here.
        audience: The clients of its streams here.
        draining: Says whether the worker is shutting down.
        limits: ``api.stream.*``.
        paths: Its segment, lock and socket.
        reserve_bytes: Room that must stay free in the directory beside every ring.
        checksums: Whether rings written here carry checksums, as the camera's may.
        stopped: Nothing of it runs any more, and nothing is to be started.
        ringless: Watched variants whose ring could not be made; the first one went to the log.
        darkroom: Where its frames become pictures.
        snapshots: Its pictures one at a time.
        watched: Which variants streams show, and whether one more may be.
        raw_room: What uncompressed frames of it may take here.
        handover_s: For so long after its writer went clients see the last picture, for another
            writer is about to take over.
    """

    def __init__(
        self,
        name: str,
        paths: SegmentPaths,
        settings: Settings,
        encoder: Encoder,
        draining: Callable[[], bool],
        advice: Advice = VIDEO_MODULE,
    ) -> None:
        self.name = name
        last = LastFrame()
        self.feed = Feed(turned=lambda info: last.turn(info, self._attachment.reader))
        self.counters = Counters()
        self.audience = Audience()
        self.raw_room = RawRoom(settings.api.limits.max_raw_mb)
        self._room = Room(paths.directory)
        self.draining = draining
        self.limits = settings.api.stream
        self.paths = paths
        self.stopped = False
        self.handover_s = 0.0
        self.ringless: set[str] = set()
        self.reserve_bytes = settings.video.ring.reserve_mb * 2**20
        self.checksums = settings.video.ring.checksums
        self._attach_timeout_s = settings.video.shared_memory_attach_timeout_sec
        self._advice = advice
        default = parse_options({}, self.limits).variant
        self.watched = Watched(
            default, settings.api.limits.max_variants, lambda variant: is_led(paths, variant)
        )
        self._attachment = Attachment(paths, leaving=last.keep)
        self.darkroom = Darkroom(name, self._attachment, encoder, self.counters)
        self.snapshots = Snapshots(self, last)
        self._subscriber = Subscriber(paths, self._attachment, self.feed)
        self._fanouts: dict[Variant, Fanout] = {}

    def start(self) -> None:
        """Begin to follow the ring; there need not be one yet."""
        sweep_variants(self.paths)
        self._subscriber.start()

    def stop(self) -> None:
        """Let go of all rings; again is harmless. What this worker leads, another takes over."""
        self.stopped = True
        for fanout in tuple(self._fanouts.values()):
            fanout.rendition.stop()
        self._subscriber.stop()

    def over(self) -> str:
        """Why its streams are to end now; empty: they are not."""
        if self.draining():
            return LEAVING
        return "the camera was closed" if self.stopped else ""

    def online(self) -> bool:
        """Whether there is a Video Module that lives and moves."""
        return self._attachment.condition is Condition.LIVE

    def condition(self) -> Condition:
        """How whoever writes the ring fares, as of the last look."""
        return self._attachment.condition

    def why(self) -> str:
        """Why it is not online, a sentence for operators."""
        return explain(self._attachment.why, self._attachment.paths)

    def advice(self) -> str:
        """What to do about it, a sentence for operators; empty when it is online."""
        return self._advice.on(self._attachment.condition)

    def origin(self) -> Origin:
        """Where its frames come from, as the ring says."""
        return Origin.of(self._attachment.reader)

    def lost_for_s(self) -> float:
        """For how long the Video Module has been gone, stalled or of another version."""
        return 0.0 if self.online() else time.monotonic() - self._attachment.since_s

    def fresh(self) -> bool:
        """Whether frames are coming in."""
        age_ms = self.feed.age_ms()
        return self._is_here() and age_ms is not None and age_ms < _FRESH_MS

    def shows(self) -> bool:
        """Whether fresh frames are coming in that are pictures of the source, and no blanks."""
        newest = self.feed.newest
        return newest is not None and newest.online and self.fresh()

    def look(self) -> None:
        """Look at the ring now: the subscriber's last look may be 250 ms old."""
        if not self.stopped:
            self._subscriber.look()

    def clients(self) -> int:
        """Streams that are open in this worker."""
        return sum(len(fanout.streams) for fanout in self._fanouts.values())

    def shown(self, variant: Variant) -> EncodedFrame | None:
        """The newest picture of a variant that streams show; None: none does, or there is none."""
        fanout = self._fanouts.get(variant)
        return fanout.rendition.newest if fanout else None

    def fanout(self, variant: Variant) -> Fanout:
        """The fan-out of a variant, made if nobody watches it yet."""
        fanout = self._fanouts.get(variant)
        if fanout is None:
            fanout = self._fanouts[variant] = Fanout(self, variant)
        return fanout

    def forget(self, fanout: Fanout) -> None:
        """Drop a fan-out that has ended, its rendition too."""
        if not fanout.idle:
            return
        for variant, known in tuple(self._fanouts.items()):
            if known is fanout:
                del self._fanouts[variant]
                fanout.let_go()

    def wait_for_frame(
        self,
        captured_after: MonotonicNs = _ANY_TIME,
        timeout_s: float | None = None,
        gone: Callable[[], bool] = lambda: False,
        wanted: Callable[[FrameInfo], bool] = lambda _: True,
    ) -> FrameInfo:
        """Wait for a frame of a living Video Module.

        The attach timeout counts from when the Video Module went missing, not from the request: who
        asks when it has been gone for long hears so at once.

        Args:
            captured_after: Take only frames newer than this, ``CLOCK_MONOTONIC`` nanoseconds.
            timeout_s: How long to wait while the Video Module is there; None: the attach timeout.
            gone: Says whether who asked has left; nobody waits for them then.
            wanted: Says whether a frame will do.

        Raises:
            CameraNotLive: There is none, and the attach timeout is over.
            RingUnavailable: It is there, but no such frame came in time; or the worker is shutting
                down, or who asked has left.
        """
        self.look()  # it may have come back since the last look
        patience_s = self._attach_timeout_s - self.lost_for_s()
        if self.online() and timeout_s is not None:
            patience_s = timeout_s
        info = self.feed.wait_newer(
            captured_after,
            max(0.0, patience_s),
            lambda: self._has_newest(wanted),
            lambda: self.draining() or gone(),
        )
        if info is not None:
            return info
        ring = self._attachment.paths.ring
        if self.draining():
            raise RingUnavailable(ring, "the server is shutting down")
        if not self.online():
            raise CameraNotLive(ring, self.why(), self.advice())
        raise RingUnavailable(ring, "the client has left" if gone() else "no fresh frame in time")

    def _is_here(self) -> bool:
        """Whether the newest frame is one of the ring that is attached, not of the life before."""
        reader, newest = self._attachment.reader, self.feed.newest
        epochs_agree = reader is not None and newest is not None and newest.epoch == reader.epoch
        return self.online() and epochs_agree

    def _has_newest(self, wanted: Callable[[FrameInfo], bool]) -> bool:
        newest = self.feed.newest
        return self._is_here() and newest is not None and wanted(newest)

    def snapshot(
        self, info: FrameInfo, variant: Variant, captured_after: MonotonicNs | None = None
    ) -> EncodedFrame:
        """The picture of the newest frame, see ``Snapshots.newest``."""
        return self.snapshots.newest(info, variant, captured_after)

    def left_by_hung_writer(self) -> KeptFrame | None:
        """The last picture of a Video Module that hangs; it may go on, so nothing is kept of it."""
        stalled = self.condition() is Condition.STALLED
        return copy_newest(self._attachment.reader) if stalled else None

    def blank(self, variant: Variant) -> EncodedFrame:
        """The "no signal" frame of this moment."""
        return self.darkroom.blank(self.feed.newest, self.why(), variant)

    def tell(self, chronicle: Chronicle) -> None:
        """Write into a chronicle how far the ring is."""
        earlier, newest, reader = self.feed.earlier, self.feed.newest, self._attachment.reader
        if newest is None:
            return
        if earlier is not None and newest.epoch != chronicle.epoch:
            chronicle.see(earlier.epoch, earlier.sequence, 0)  # to its last frame
        same = reader is not None and reader.epoch == newest.epoch
        dropped = reader.dropped if reader is not None and same else 0
        chronicle.see(newest.epoch, newest.sequence, dropped)

    def count(self) -> Counters:
        """The counters, with what others here count for the camera."""
        counters = self.counters
        counters.streams = self.audience.entered
        counters.decoded = self.darkroom.decoded
        counters.notifications = self._subscriber.notifications
        counters.refused = self._subscriber.refused
        return counters

    def status(self) -> dict[str, Any]:
        """Everything known about the camera, for the status document."""
        reader = self._attachment.reader
        ring = {"ring": reader.total_bytes if reader else None}
        return {
            **about_source(self, self._attachment),
            "shm": {"directory": str(self.paths.directory), **self._room.sizes(), **ring},
            **about_worker(self, list(self._fanouts.values())),
            "attached": self._attachment.attached,
            "notifications_missing": self._subscriber.bell.silent,
        }
