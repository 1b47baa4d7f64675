"""Who is at the other end of a stream, and what it was sent so far: a line in a list of clients."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.variant import StreamOptions

__all__ = ["Client"]

_WINDOW_S: Final = 2.0
_MARK_S: Final = 0.25


class Client:
    """One client.

    Args:
        name: Unlike that of any other stream of this host, now or later.
        address: Where it is.
        kind: ``mjpeg``, ``raw``, ``y4m`` or ``websocket``.
        options: What it asked for.
        clock: A steady clock, seconds.

    Attributes:
        id, address, kind, options: As given.
        key: What it calls itself; empty: nothing.
        variant: Name of what it is sent now; empty: nothing yet.
        since: When it came, seconds since 1970.
        advance_headers, extra_headers, dual_final_frames, zero_data: Whether it asked for them.
        sent: Parts written, repeats included.
        sent_bytes: Bytes written.
        dropped: Frames it was too slow for.
    """

    __slots__ = (
        "_clock",
        "_marked_at",
        "_marks",
        "_sent_at",
        "address",
        "advance_headers",
        "dropped",
        "dual_final_frames",
        "extra_headers",
        "id",
        "key",
        "kind",
        "options",
        "sent",
        "sent_bytes",
        "since",
        "variant",
        "zero_data",
    )

    def __init__(
        self,
        name: str,
        address: str,
        kind: str,
        options: StreamOptions,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = name
        self.address = address
        self.kind = kind
        self.options = options
        self.key = options.key
        self.variant = ""
        self.since = time.time()
        self.advance_headers = options.advance_headers
        self.extra_headers = options.extra_headers
        self.dual_final_frames = options.dual_final_frames
        self.zero_data = options.zero_data
        self.sent = 0
        self.sent_bytes = 0
        self.dropped = 0
        self._clock = clock
        self._marks: deque[tuple[float, int, int]] = deque()
        self._marked_at = self._sent_at = -_WINDOW_S

    def note_sent(self, size_bytes: int, now_s: float) -> None:
        """Count a part that was written.

        Args:
            size_bytes: Its length, with all that surrounds the picture.
            now_s: The clock.
        """
        # nothing is made anew here: with hundreds of clients a turn waits for memory
        if now_s - self._marked_at >= _MARK_S:
            self._mark(now_s)
        self.sent += 1
        self.sent_bytes += size_bytes
        self._sent_at = now_s

    @property
    def fps(self) -> float:
        """Parts per second over the last two seconds."""
        return self._recently()[0]

    @property
    def bitrate_bps(self) -> int:
        """Bits per second over the last two seconds."""
        return round(self._recently()[1] * 8)

    def _mark(self, now_s: float) -> None:
        """Remember what was sent until now, for as long as the window needs it."""
        self._marked_at = now_s
        marks = self._marks
        marks.append((now_s, self.sent, self.sent_bytes))
        while len(marks) > 1 and marks[1][0] <= now_s - _WINDOW_S:
            marks.popleft()

    def _recently(self) -> tuple[float, float]:
        """Parts and bytes per second since the last mark before the window."""
        now_s = self._clock()
        if now_s - self._sent_at >= _WINDOW_S:
            return 0.0, 0.0
        begin = self._marks[0]
        for mark in self._marks:
            if mark[0] <= now_s - _WINDOW_S:
                begin = mark
        elapsed_s = max(now_s - begin[0], _WINDOW_S)
        return (self.sent - begin[1]) / elapsed_s, (self.sent_bytes - begin[2]) / elapsed_s
