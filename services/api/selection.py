"""Which frames one viewer gets, and what becomes of the others; no socket, no clock of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.api.pacer import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.client import Client
    from services.api.counters import Counters
    from services.api.encoded import EncodedFrame
    from services.api.part import Pieces
    from shared.frame import FrameInfo

__all__ = ["Selection"]


class Selection:
    """Chooses the newest frames at a viewer's pace, and counts what is skipped and dropped.

    Args:
        client: Whose viewer it is; what it is sent and misses is counted there, too.
        counters: Of the camera.

    Attributes:
        last: What the viewer was sent last; None: nothing yet.
        interval_ns: Least time between two frames that the viewer wants.
    """

    __slots__ = (
        "_client",
        "_considered",
        "_considered_epoch",
        "_counters",
        "_owed",
        "_pacer",
        "interval_ns",
        "last",
    )

    def __init__(self, client: Client, counters: Counters) -> None:
        self._client = client
        self._counters = counters
        self._pacer = Pacer(client.options.fps)
        self._considered = 0
        self._considered_epoch = 0
        self._owed = False
        self.interval_ns = self._pacer.interval_ns
        self.last: EncodedFrame | None = None

    def would_take(self, info: FrameInfo, source_fps: float) -> bool:
        """Whether a frame is new and due; counts nothing."""
        return not self._has(info) and self._pacer.due(info.captured_at, source_fps)

    def wants(self, info: FrameInfo, source_fps: float, ready: Callable[[], bool]) -> bool:
        """Whether a frame is to be sent now; counts what is skipped and dropped.

        It may be asked about a frame again, even after a newer one.

        Args:
            info: A frame of the camera.
            source_fps: Measured rate of the source.
            ready: Whether the viewer takes anything now.
        """
        if self._has(info):
            return False
        due = self._pacer.due(info.captured_at, source_fps)
        if info.origin_sequence > self._considered or info.origin_epoch != self._considered_epoch:
            self._consider(info, due=due)
        if due and not ready():
            self._owed = True
            return False
        return due

    def take(self, frame: EncodedFrame) -> bool:
        """Note that a frame is being sent.

        Returns:
            Whether it is another one than the last.
        """
        another = frame is not self.last
        self.last = frame
        self._owed = False
        if frame.online:
            self._pacer.sent(frame.captured_at)
        return another

    def sent(self, frame: EncodedFrame, pieces: Pieces, now_s: float, *, another: bool) -> None:
        """Count a frame that was sent.

        Args:
            frame: Which one.
            pieces: All that was sent for it.
            now_s: The steady clock.
            another: What ``take`` has said; repeats and blanks are no news, and have no age.
        """
        size_bytes = 0
        for _, start, end in pieces:
            size_bytes += end - start
        age_s = now_s - frame.captured_at / 1e9 if another and frame.online else None
        self._counters.note_sent(size_bytes, age_s)
        self._client.note_sent(size_bytes, now_s)

    def silence_s(self, repeat_s: float) -> float:
        """After how long a silence the last frame is sent again.

        Args:
            repeat_s: The least, whatever pace the viewer wants.
        """
        return max(repeat_s, 1.25 * self.interval_ns / 1e9)

    @property
    def owed(self) -> bool:
        """Whether the viewer was not ready for a frame, which may still be sent."""
        return self._owed

    def _has(self, info: FrameInfo) -> bool:
        last = self.last
        if last is None:
            return False
        if last.epoch != info.origin_epoch:  # another variant may be behind, in the epoch before
            return last.online and info.captured_at < last.captured_at
        if last.sequence == info.origin_sequence:  # a blank of our own repeats the last number
            return last.online or not info.online
        return last.sequence > info.origin_sequence

    def _consider(self, info: FrameInfo, *, due: bool) -> None:
        """Count, at the first look at a frame, what becomes of it and of the one before."""
        self._considered = info.origin_sequence
        self._considered_epoch = info.origin_epoch
        if self._owed:  # a newer frame is here, so the one that was owed will never be sent
            self._owed = False
            self._counters.dropped += 1
            self._client.dropped += 1
        if not due:
            self._counters.skipped += 1
