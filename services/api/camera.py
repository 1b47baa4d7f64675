"""A camera as the API sees it: its ring, its newest frame, its JPEGs and its clients."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from services.api.advice import VIDEO_MODULE, CameraNotLive, explain
from services.api.audience import Audience
from services.api.cache import FrameCache
from services.api.counters import Counters
from services.api.encoded import framed
from services.api.fanout import Fanout
from services.api.feed import Feed
from services.api.report import about_source, about_worker
from services.api.subscriber import Subscriber
from services.api.variant import parse_options
from services.api.variant_ring import is_led, sweep_variants
from services.api.watched import Watched
from shared.blank import FIRST_GEOMETRY
from shared.errors import FrameDamaged, FrameOverwritten, RingUnavailable
from shared.frame import MonotonicNs, PixelFormat
from shared.meter import Throttle
from shared.ring.attachment import Attachment, Condition

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.advice import Advice
    from services.api.encoded import EncodedFrame
    from services.api.encoder import Encoder
    from services.api.variant import Variant
    from shared.frame import FrameInfo, Geometry
    from shared.naming import SegmentPaths
    from shared.ring.reader import RingReader
    from shared.settings import Settings

__all__ = ["Camera"]

log = logging.getLogger(__name__)

_ANY_TIME: Final = MonotonicNs(0)
_TRIES: Final = 4
_AS_IT_IS: Final = ("as it is",)
_NEXT_S: Final = 1.0
_SHOWN_NS: Final = 1_000_000_000
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
        turn: To be taken before a frame is chosen for ``jpeg``.
        watched: Which variants streams show, and whether one more may be.
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
        self.feed = Feed()
        self.counters = Counters()
        self.audience = Audience()
        self.draining = draining
        self.limits = settings.api.stream
        self.paths = paths
        self.stopped = False
        self.ringless: set[str] = set()
        self.reserve_bytes = settings.video.ring.reserve_mb * 2**20
        self.checksums = settings.video.ring.checksums
        self._attach_timeout_s = settings.video.shared_memory_attach_timeout_sec
        self._advice = advice
        self.turn = encoder.turn
        default = parse_options({}, self.limits).variant
        self.watched = Watched(
            default, settings.api.limits.max_variants, lambda variant: is_led(paths, variant)
        )
        self._encoder = encoder
        self._complaint = Throttle()
        self._cache = FrameCache()
        self._attachment = Attachment(paths)
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

    def lost_for_s(self) -> float:
        """For how long the Video Module has been gone, stalled or of another version."""
        return 0.0 if self.online() else time.monotonic() - self._attachment.since_s

    def fresh(self) -> bool:
        """Whether frames are coming in."""
        age_ms = self.feed.age_ms()
        return self._is_here() and age_ms is not None and age_ms < _FRESH_MS

    def clients(self) -> int:
        """Streams that are open in this worker."""
        return sum(len(fanout.streams) for fanout in self._fanouts.values())

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

    def wait_for_frame(
        self,
        captured_after: MonotonicNs = _ANY_TIME,
        timeout_s: float | None = None,
        gone: Callable[[], bool] = lambda: False,
    ) -> FrameInfo:
        """Wait for a frame of a living Video Module.

        The attach timeout counts from when the Video Module went missing, not from the request: who
        asks when it has been gone for long hears so at once.

        Args:
            captured_after: Take only frames newer than this, ``CLOCK_MONOTONIC`` nanoseconds.
            timeout_s: How long to wait while the Video Module is there; None: the attach timeout.
            gone: Says whether who asked has left; nobody waits for them then.

        Raises:
            CameraNotLive: There is none, and the attach timeout is over.
            RingUnavailable: It is there, but no such frame came in time; or the worker is shutting
                down, or who asked has left.
        """
        self._subscriber.look()  # it may have come back since the last look, up to 250 ms ago
        patience_s = self._attach_timeout_s - self.lost_for_s()
        if self.online() and timeout_s is not None:
            patience_s = timeout_s
        info = self.feed.wait_newer(
            captured_after, max(0.0, patience_s), self._is_here, lambda: self.draining() or gone()
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

    def jpeg(self, info: FrameInfo, variant: Variant) -> EncodedFrame:
        """The JPEG of one frame, encoded once however many ask.

        Raises:
            FrameOverwritten: It is not in the ring any more, or damaged: take a newer one.
            RingUnavailable: Its ring is not there any more.
            EncodeError: It cannot be encoded.
            ProtocolError: Its slot contradicts itself.
        """
        reader = self._attachment.reader
        if reader is None or reader.epoch != info.epoch:
            raise RingUnavailable(self._attachment.paths.ring, "its epoch is over")
        key = (info.epoch, info.sequence, _decisive(info.geometry, variant))
        return self._cache.get(key, lambda: self._make_jpeg(reader, info, variant))

    def _make_jpeg(self, reader: RingReader, info: FrameInfo, variant: Variant) -> EncodedFrame:
        if self.passes(info, variant):
            with reader.view(info.sequence) as view:
                jpeg = framed(view.info, view.payload, checksum=view.info.checksum)
                view.verify()
                return jpeg
        jpeg = self._encoder.encode(reader, info.sequence, variant)
        self.counters.encoded += 1
        self.counters.encode_seconds += jpeg.encode_ns / 1e9
        return jpeg

    def passes(self, info: FrameInfo, variant: Variant) -> bool:
        """Whether a frame is what the variant asks for as it is: the camera's own JPEG."""
        return _decisive(info.geometry, variant) is _AS_IT_IS

    def snapshot(
        self, info: FrameInfo, variant: Variant, captured_after: MonotonicNs | None = None
    ) -> EncodedFrame:
        """The JPEG of the newest frame, once it is our turn to have one encoded.

        Where the variant is watched its newest picture is taken if it will do: nothing is encoded.

        Args:
            info: A frame that would do.
            variant: What is to become of it.
            captured_after: What is older will not do, ``CLOCK_MONOTONIC`` nanoseconds; None: what
                a stream that is watched shows will do.

        Raises:
            FrameOverwritten: Even the newest was overwritten or damaged, several times.
            RingUnavailable: Its ring is not there any more.
            EncodeError: It cannot be encoded.
            ProtocolError: Its slot contradicts itself.
        """
        fanout = self._fanouts.get(variant)
        shown = fanout.rendition.newest if fanout else None
        oldest = info.captured_at - _SHOWN_NS if captured_after is None else captured_after
        if shown is not None and shown.captured_at > oldest:
            return shown
        # a stream that begins is one of a few variants; single pictures can be of any number
        single = contextlib.nullcontext() if captured_after is None else self._encoder.single
        for _ in range(_TRIES - 1):
            try:
                return self._newest_jpeg(info, variant, single)
            except FrameOverwritten as error:
                self.note_overwritten(error)
                if isinstance(error, FrameDamaged):  # else there is a newer one already
                    newest = self.feed.newest or info
                    self.feed.wait_newer(newest.captured_at, _NEXT_S, pointless=self.draining)
        return self._newest_jpeg(info, variant, single)

    def note_overwritten(self, error: FrameOverwritten) -> None:
        """Count a frame that was not in its slot any more, by whose fault."""
        if not isinstance(error, FrameDamaged):
            self.counters.overwritten += 1
            return
        self.counters.damaged += 1
        withheld = self._complaint.ready(time.monotonic())
        if withheld is not None:
            log.error("%s: %s (%d more withheld)", self.name, error, withheld)

    def _newest_jpeg(
        self, info: FrameInfo, variant: Variant, gate: contextlib.AbstractContextManager[object]
    ) -> EncodedFrame:
        if self.passes(info, variant):
            return self.jpeg(self.feed.newest or info, variant)
        with gate, self.turn:
            return self.jpeg(self.feed.newest or info, variant)

    def blank(self, variant: Variant) -> EncodedFrame:
        """The "no signal" frame, drawn anew at most once a second."""
        last = self.feed.newest
        shown = (last.epoch, last.sequence) if last else None  # it has that frame's number
        key = ("blank", int(time.monotonic()), shown, variant)
        geometry = last.geometry if last else FIRST_GEOMETRY
        return self._cache.get(
            key, lambda: self._encoder.blank(geometry, self.why(), last, variant)
        )

    def status(self) -> dict[str, Any]:
        """Everything known about the camera, for the status document."""
        return {
            **about_source(self, self._attachment),
            **about_worker(self, list(self._fanouts.values())),
            "decoded": self._encoder.decoded_of(self.paths.name),
            "attached": self._attachment.attached,
            "notifications": self._subscriber.notifications,
            "notifications_missing": self._subscriber.bell.silent,
            "refused": self._subscriber.refused,
        }


def _decisive(geometry: Geometry, variant: Variant) -> tuple[object, ...]:
    """What of a variant makes a difference for frames of this geometry."""
    size = variant.fit(geometry.width, geometry.height)
    jpeg = geometry.pixel_format is PixelFormat.JPEG
    if jpeg and variant.passthrough and size == (geometry.width, geometry.height):
        return _AS_IT_IS
    return (variant.quality, size)
