"""Which frames of a source a client gets that wants fewer; no clock of its own, no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared.frame import MonotonicNs

__all__ = ["Pacer"]

_SAME_RATE: Final = 1.02
"""A source at most so much faster than asked counts as equally fast: cameras are not exact."""

_EARLY: Final = 0.25
"""A frame may come this fraction of the interval before it is due: sources jitter."""


class Pacer:
    """Chooses frames by when they were captured, evenly and without beating.

    A client asking for 20 of a 30 fps source gets two of three, not every second one as a sleep of
    50 ms would give. A source that is no faster than asked for is passed on frame by frame, so its
    jitter costs nothing; 2 % faster counts as no faster, so who asks for 30 of a camera that gives
    30.3 gets every frame, instead of a hitch every few seconds.

    Args:
        fps: Most frames per second the client wants.
    """

    __slots__ = ("_due_at", "_fps", "interval_ns")

    def __init__(self, fps: float) -> None:
        self.interval_ns: Final = 1e9 / fps
        self._fps = fps
        self._due_at = 0.0

    def due(self, captured_at: MonotonicNs, source_fps: float) -> bool:
        """Whether the frame captured then is to be sent; changes nothing.

        Args:
            captured_at: Of the frame.
            source_fps: Measured rate of the source; 0.0: not known yet.
        """
        if 0.0 < source_fps <= self._fps * _SAME_RATE:
            return True
        return captured_at >= self._due_at - _EARLY * self.interval_ns

    def sent(self, captured_at: MonotonicNs) -> None:
        """Note that the frame captured then was sent; the next is due an interval after it was due.

        Counting from when the frame was *due* keeps the mean rate; a client that was away for more
        than an interval starts afresh, else it would get a burst.
        """
        late_ns = captured_at - self._due_at
        start = self._due_at if abs(late_ns) < self.interval_ns else captured_at
        self._due_at = start + self.interval_ns
