"""Another node's stream, passed on: its JPEGs untouched, with the numbers and times they have.

A part is a frame of the origin's, whatever node it comes from, so ``(epoch, number)`` is the same
at every node of a tree. What is new here is only where it lies and which nodes it came through.
"""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING, Final

import numpy as np

from services.video.backoff import Backoff
from services.video.sources.address import without_secrets
from services.video.sources.jpegs import decoded
from services.video.sources.origin_clock import OriginClock
from services.video.sources.relayed_part import RelayedPart
from services.video.sources.source import Grab, PictureUnreadable, Relayed, monotonic_ns
from shared.errors import SourceUnavailable
from shared.frame import Epoch, Geometry, MonotonicNs, PixelFormat, Sequence
from shared.multipart import MultipartReader, ProtocolViolation
from shared.ring.layout import check_hops

if TYPE_CHECKING:
    from services.video.sources.upstream import Answer, Upstream
    from shared.multipart import Part
    from shared.ring.writer import Slot
    from shared.settings_schema import VideoSettings

__all__ = ["RelaySource"]

_CHUNK_BYTES: Final = 256 * 1024
_MOST_READS: Final = 8
"""So much of what waits is read at once to find the newest, and not for ever."""
_LARGEST_JPEG: Final = 64 * 2**20
_FIRST_PAUSE_S: Final = 0.1
_LOOP_PAUSE_S: Final = 30.0
_SETTLED_S: Final = 1.0
"""A stream that lasted so long and was ended politely is asked for again at once."""


class RelaySource:
    """See ``source.Source`` for the promises.

    Args:
        url: Of the other node's stream.
        upstream: The other node.
        node: What this one is called.
        settings: The ``video`` section.
        clock: Of the origin; for tests.
    """

    def __init__(
        self,
        url: str,
        upstream: Upstream,
        node: str,
        settings: VideoSettings,
        clock: OriginClock | None = None,
    ) -> None:
        self.label = without_secrets(url)
        self._upstream = upstream
        self._node = node
        self._max_pixels = settings.max_pixels
        self._passthrough = settings.passthrough
        self._clock = clock or OriginClock(upstream)
        relay, fps = settings.relay, upstream.fps
        self._silence_s = max(relay.silence_timeout_sec, 2.5 / fps if fps else 0.0)
        self._part_s = max(settings.read_timeout_sec, self._silence_s)
        self._pauses = Backoff(
            min(_FIRST_PAUSE_S, relay.longest_pause_sec), relay.longest_pause_sec
        )
        self._answer: Answer | None = None
        self._reader = MultipartReader(b"")
        self._opened_at_s = 0.0
        self._connects = 0
        self._hops: tuple[str, ...] = ()
        self._last: RelayedPart | None = None  # that was given to anybody
        self._before: RelayedPart | None = None  # on this connection
        self._part: RelayedPart | None = None

    @property
    def details(self) -> str:
        """The nodes the frames come through."""
        return "closed" if self._answer is None else f"relayed: {' → '.join(self._hops)}"

    @property
    def longest_grab_s(self) -> float:
        """As long as one part may take."""
        return self._part_s + self._silence_s

    def take(self, answer: Answer) -> None:
        """Begin with an answer of the other node, which says that it is one.

        Raises:
            SourceUnavailable: It is no stream, or would close a loop.
        """
        self.close()
        self._answer, response = answer, answer.response
        kind, _, boundary = (response.getheader("Content-Type") or "").partition("boundary=")
        if not kind.startswith("multipart/x-mixed-replace") or not boundary:
            raise self._lost(f"{self._upstream.place} answers with {kind[:80]!r}, not a stream")
        self._pass_through(response.getheader("X-Hops") or "")
        answer.socket.settimeout(self._silence_s)
        self._reader = MultipartReader(
            boundary.strip('"').encode("latin-1"), largest_bytes=_LARGEST_JPEG
        )
        self._before, self._opened_at_s = None, time.monotonic()
        self._connects += 1
        self._clock.begin()

    def retry_s(self) -> float:
        """How long to pause after a failure, seconds."""
        return self._pauses.next_pause_s()

    def grab(self) -> Grab:
        """Wait for the next part.

        Raises:
            SourceUnavailable: The other node ended the stream, is silent, sends what is none, or
                relays what came from this one.
        """
        part = self._newest()
        before, self._before = self._before, part
        if part.hops and part.hops != ",".join(self._hops[:-1]):
            self._pass_through(part.hops)
        if before is not None and part.is_before(before):
            raise self._lost(
                f"{self._upstream.place} sends frame {part.number} after {before.number}"
            )
        lasted_s = time.monotonic() - self._opened_at_s
        self._pauses.worked_for(lasted_s)
        last = self._last
        if last is not None and part.is_before(last) and lasted_s > self._silence_s:
            raise self._lost(
                f"{self._upstream.place} is behind: at frame {part.number}, {last.number} was here"
            )
        repeated = last is not None and (part.is_before(last) or part.is_again(last))
        dropped = 0
        if not repeated:
            if last is not None and self._upstream.fps is None:
                dropped = part.missing_since(last)
            self._last = part
        self._part = part
        if part.online:
            self._clock.reason = ""
        elif not self._clock.reason:
            self._clock.ask_soon()
        pixel_format = PixelFormat.JPEG if self._passthrough else PixelFormat.BGR24
        return Grab(
            Geometry(part.width, part.height, pixel_format),
            self._captured_at(part),
            size_bytes=self._room_for(part) if self._passthrough else None,
            dropped=dropped,
            relayed=self._relayed(part, repeated=repeated),
        )

    @staticmethod
    def _room_for(part: RelayedPart) -> int:
        """Bytes; a picture that will not be shown makes the ring grow for nobody."""
        return 1 if part.problem else len(part.jpeg)

    def retrieve(self, slot: Slot) -> Geometry:
        """Lay the JPEG into the slot as it came, or its pixels.

        Raises:
            PictureUnreadable: It is damaged, or too large.
        """
        part = self._part
        if part is None:
            raise RuntimeError("retrieve before grab")
        if part.problem:
            raise PictureUnreadable(part.problem)
        jpeg = np.frombuffer(part.jpeg, np.uint8)
        if self._passthrough:
            slot.payload[: jpeg.size] = jpeg
        else:
            image = decoded(jpeg)
            if image.shape != slot.geometry.shape:
                raise PictureUnreadable("it is not as large as its header says")
            np.copyto(slot.image, image)
        return slot.geometry

    def close(self) -> None:
        """Hang up."""
        self._clock.end()
        answer, self._answer, self._part = self._answer, None, None
        if answer is not None:
            answer.close()

    def _pass_through(self, hops: str) -> None:
        """Note which nodes frames come through.

        Raises:
            SourceUnavailable: This one is among them, or they are none.
        """
        before = tuple(hop.strip() for hop in hops.split(","))
        route = (*before, self._node)
        if self._node in before:
            raise _refused(
                f"this would be a loop: {' → '.join(route)}; give this node another source, or "
                "another name in video.relay.node if it only has the same"
            )
        try:
            check_hops(route)
        except ValueError as error:
            raise _refused(str(error)) from error
        if self._hops and self._hops[0] != route[0]:
            self._clock.forget()
        self._hops = route

    def _newest(self) -> RelayedPart:
        """The newest part that is there, waited for."""
        place = self._upstream.place
        try:
            return self._read_newest(time.monotonic() + self._part_s)
        except TimeoutError as error:
            raise self._lost(f"{place} was silent for {self._silence_s:g} s") from error
        except (ProtocolViolation, ValueError) as error:
            raise self._lost(f"{place} sends what is no stream of ours: {error!s:.200}") from error
        except (OSError, EOFError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            raise self._lost(f"{place} broke the stream off: {why}") from error

    def _read_newest(self, deadline_s: float) -> RelayedPart:
        if self._answer is None:
            raise RuntimeError("grab before open")
        newest, reads = None, 0
        while newest is None or (reads < _MOST_READS and self._answer.readable()):
            if newest is None and self._reader.ended:
                raise self._ended()
            if newest is None and time.monotonic() > deadline_s:
                raise ValueError(f"a picture took longer than {self._part_s:g} s")
            reads += 1
            data = self._answer.response.read1(_CHUNK_BYTES)
            if not data:
                break
            newest = self._feed(data) or newest
        if newest is None:
            raise EOFError("it closed the connection")
        return RelayedPart.read(newest, self._max_pixels)

    def _feed(self, data: bytes) -> Part | None:
        """The last of the parts that end with these bytes; None: none does."""
        self._reader.feed(data)
        newest = None
        while (part := self._reader.next_part()) is not None:
            newest = part
        return newest

    def _lost(self, why: str) -> SourceUnavailable:
        return SourceUnavailable(why, retry_s=self._pauses.next_pause_s())

    def _ended(self) -> SourceUnavailable:
        lasted_s = time.monotonic() - self._opened_at_s
        why = f"{self._upstream.place} ended the stream after {lasted_s:.1f} s"
        at_once = lasted_s >= _SETTLED_S
        return SourceUnavailable(why, retry_s=0.0 if at_once else self._pauses.next_pause_s())

    def _captured_at(self, part: RelayedPart) -> MonotonicNs:
        """When the frame was captured, by our clock: never later than now."""
        now = monotonic_ns()
        offset = self._clock.offset()
        if offset is None:
            return now
        captured_ms = part.wall_us / 1e3 + offset.middle_ms
        if captured_ms > now / 1e6 + offset.doubt_ms:  # then the clocks have been set
            self._clock.ask_soon()
        return MonotonicNs(max(0, min(now, int(captured_ms * 1e6))))

    def _relayed(self, part: RelayedPart, *, repeated: bool) -> Relayed:
        offset = self._clock.offset()
        clock = (0, 0)
        if offset is not None:
            clock = (round(-offset.middle_ms * 1e3), round(offset.doubt_ms * 1e3))
        reason = "" if part.online else self._clock.reason or "the origin shows a blank"
        return Relayed(
            (Epoch(part.epoch), Sequence(part.number)),
            wall_us=part.wall_us,
            hops=self._hops,
            online=part.online,
            reason=reason,
            repeated=repeated,
            clock=clock,
            reconnects=max(0, self._connects - 1),
        )


def _refused(why: str) -> SourceUnavailable:
    """Nothing that trying again soon would change."""
    return SourceUnavailable(why, retry_s=Backoff(_LOOP_PAUSE_S, _LOOP_PAUSE_S).next_pause_s())
