"""The capture loop: picture by picture from the source into the ring, blanks when there is none.

It runs in the main thread and listens at one inbox; nothing it calls waits for the source. That way
heartbeat, blanks and the end of the service depend on nobody but itself::

    PictureReady ─► begin a slot ─► retrieve into it ─► commit ─► notify ─► resume the grabber
    nothing for longer than patience.py has, or SourceLost ─► a blank now, and one every second
    every 250 ms at the latest ─► heartbeat, a pulse for the watchdog, a word to systemd
"""

from __future__ import annotations

import logging
import queue
import time
from typing import TYPE_CHECKING, Final

from services.video.frames import FrameWriter
from services.video.messages import (
    GrabberFailed,
    PictureReady,
    SourceFinished,
    SourceLost,
    SourceOpened,
    StopRequested,
)
from services.video.patience import Patience
from services.video.shortage import Shortage
from services.video.sources import PictureUnreadable
from services.video.statistics import Statistics
from shared.errors import RingSpaceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.video.grabber import Grabber
    from services.video.messages import Inbox, Message
    from services.video.notify import Notifier
    from services.video.sources import Grab, Source
    from services.video.watchdog import Pulse
    from shared.frame import FrameInfo
    from shared.publisher import Publisher
    from shared.ring.writer import RingWriter
    from shared.settings_schema import VideoSettings

__all__ = ["CaptureLoop"]

log = logging.getLogger(__name__)

_HEARTBEAT_S: Final = 0.2
"""Longest wait; readers are promised 250 ms."""
_BLANK_INTERVAL_S: Final = 1.0
_FIRST_BLANK_S: Final = 2.0
"""Longest time without a ring after the start; a source that opens sooner needs no blank."""
_TURN: Final = "a turn of its loop"
_TURN_S: Final = 1.5
"""It waits for a message, and may wait a second for room that readers still hold."""
_STANDSTILL_S: Final = 0.5
"""A turn of the loop takes at most a heartbeat, unless the process did not run."""


class CaptureLoop:
    """Moves pictures; the only user of writer and publisher, and of the source in its turn.

    Args:
        source: Retrieved from between a ``PictureReady`` and ``resume`` only.
        grabber: Owns the source otherwise.
        writer: Open.
        publisher: Open.
        inbox: What the grabber, the signals and the standard input have to say.
        settings: The ``video`` section.
    """

    def __init__(
        self,
        source: Source,
        grabber: Grabber,
        writer: RingWriter,
        publisher: Publisher,
        inbox: Inbox,
        settings: VideoSettings,
    ) -> None:
        self._source = source
        self._grabber = grabber
        self._writer = writer
        self._frames = FrameWriter(writer)
        self._publisher = publisher
        self._inbox = inbox
        self._stall_timeout_s = settings.stall_timeout_sec
        self._patience = Patience(settings.stall_timeout_sec)
        self._shortage = Shortage(settings.retry)
        self._statistics = Statistics()
        self._lost_because: str | None = f"connecting to {source.label}"
        self._picture_s = time.monotonic()  # when the last one came
        self._turn_s = self._picture_s  # of the loop, the last one
        self._had_picture = False
        self._begun: Callable[[FrameInfo], None] | None = None
        self._blank_since_s: float | None = None
        self._blank_due_s = self._picture_s + min(self._stall_timeout_s, _FIRST_BLANK_S)

    def run(
        self, pulse: Pulse, notifier: Notifier, begun: Callable[[FrameInfo], None] | None = None
    ) -> str:
        """Work until somebody wants an end.

        Args:
            pulse: Of this thread; told of every turn.
            notifier: Told of every turn, and what readers see.
            begun: Told of the first frame that is in the ring, picture or blank.

        Returns:
            Why it ended, for the log.

        Raises:
            RingSpaceError: There is no room for the first segment. Later, it only shows a blank.
        """
        self._begun = begun
        pulse.doing(_TURN, _TURN_S)
        while (ended := self._handle(self._next_message())) is None:
            now_s = time.monotonic()
            if self._blank_is_due(now_s):
                self._write_blank(now_s)
            else:
                self._beat()
            self._publisher.check()
            self._statistics.report(now_s)
            notifier.turned(now_s, self._status())
            pulse.doing(_TURN, _TURN_S)
        notifier.stopping(ended)
        return ended

    def _status(self) -> str | None:
        """What readers see, for ``systemctl status``; None while there is nothing in the ring."""
        geometry = self._frames.geometry
        if geometry is None:
            return None
        if self._blank_since_s is None:
            return f"{geometry.width}x{geometry.height} from {self._source.label}"
        return f"blanks: {self._lost_because or 'the source is silent'}"

    def _blank_is_due(self, now_s: float) -> bool:
        """Whether there is nothing better to show.

        Before the first blank for mere silence a look at the inbox: pictures may wait there,
        because this process was stopped (SIGSTOP, a paused container) and not the source.
        """
        stood_still = now_s - self._turn_s > _STANDSTILL_S
        self._turn_s = now_s
        if now_s < self._blank_due_s:
            return False
        if self._lost_because is not None or self._blank_since_s is not None:
            return True
        if stood_still:  # the grabber did too: it has its turn first
            self._blank_due_s = now_s + _HEARTBEAT_S
            return False
        return self._inbox.empty()

    def _next_message(self) -> Message | None:
        timeout_s = min(_HEARTBEAT_S, max(0.0, self._blank_due_s - time.monotonic()))
        try:
            return self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def _handle(self, message: Message | None) -> str | None:
        """Do what the message wants; a text when that is to end."""
        match message:
            case PictureReady(grab):
                self._grabber.resume(self._write_picture(grab))
            case SourceLost(reason, returns):
                self._go_blank(reason, patient=returns)
            case SourceOpened():
                self._lost_because = None
                self._patience.after_opening()
            case SourceFinished(reason):
                return reason
            case StopRequested(by):
                return f"stopped by {by}"
            case GrabberFailed(error):
                raise error
            case None:
                pass
        return None

    def _write_picture(self, grab: Grab) -> str | None:
        """Move one picture into the ring; a text when the source has to be opened again."""
        now_s = time.monotonic()
        self._count_dropped(grab.dropped)
        if grab.relayed is not None and grab.relayed.repeated and self._blank_since_s is None:
            self._picture_s = now_s
            self._blank_due_s = now_s + self._stall_timeout_s
            self._lost_because = None
            return None
        fits = self._frames.has_room(grab)
        if self._shortage.forbids(self._frames.size_of(grab), now_s, fits=fits):
            self._count_dropped(1)
            return None
        try:
            info = self._frames.write_picture(self._source, grab)
        except PictureUnreadable as error:
            self._count_dropped(1)
            self._statistics.count_damaged()
            self._statistics.complain(now_s, f"{self._source.label}: {error}")
            return self._patience.after_damage(now_s)
        except RingSpaceError as error:
            self._no_room(error)
            return None
        self._publish(info)
        self._picture_written(grab, now_s)
        return None

    def _picture_written(self, grab: Grab, now_s: float) -> None:
        if self._blank_since_s is not None:
            event = "recovered" if self._had_picture else "first picture"
            after_s = now_s - self._blank_since_s
            log.info("source %s: %s after %.1f s", self._source.label, event, after_s)
        self._blank_since_s = self._lost_because = None
        self._had_picture = True
        self._shortage.ends()
        self._picture_s = now_s
        self._blank_due_s = now_s + self._patience.after_picture(now_s, grab.period_s)
        self._statistics.count_frame(now_s)

    def _publish(self, info: FrameInfo) -> None:
        self._publisher.publish(info)
        if self._begun is not None:
            self._begun(info)
            self._begun = None

    def _go_blank(self, reason: str, *, patient: bool = False) -> None:
        """Show a blank until the next picture.

        Args:
            reason: A sentence for the operator.
            patient: Not before the source has been silent for the stall timeout; else at once.
        """
        self._lost_because = reason
        if self._blank_since_s is None:
            self._blank_due_s = time.monotonic()
            if patient:
                self._blank_due_s = max(self._blank_due_s, self._picture_s + self._stall_timeout_s)

    def _no_room(self, error: RingSpaceError) -> None:
        """Keep the old ring, say so on it, and try again later."""
        if self._frames.geometry is None:
            raise error
        pause_s = self._shortage.begins(self._frames.wanted_bytes, time.monotonic())
        log.error("%s Next try in %.2g s.", error, pause_s)
        self._count_dropped(1)
        size = f"{self._frames.wanted.width}x{self._frames.wanted.height}"
        self._go_blank(f"no room in shared memory for {size}: see the log")

    def _write_blank(self, now_s: float) -> None:
        if self._blank_since_s is None:
            self._blank_since_s = self._picture_s
            if self._lost_because is None:
                log.warning("source %s: no picture, showing blanks", self._source.label)
        self._blank_due_s = now_s + _BLANK_INTERVAL_S
        reason = self._lost_because or (
            f"no picture from {self._source.label} for {now_s - self._picture_s:.0f} s"
        )
        try:
            info = self._frames.write_blank(reason)
        except RingSpaceError as error:
            self._no_room(error)
            return
        self._publish(info)

    def _beat(self) -> None:
        try:
            self._writer.heartbeat()
        except RingSpaceError as error:  # somebody removed the segment and took its room
            self._no_room(error)

    def _count_dropped(self, frames: int) -> None:
        if frames:
            self._writer.count_dropped(frames)
            self._statistics.count_dropped(frames)
