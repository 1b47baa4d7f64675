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
        "_recent",
        "_recent_bytes",
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
        self._recent: deque[tuple[float, int]] = deque()
        self._recent_bytes = 0

    def note_sent(self, size_bytes: int, now_s: float) -> None:
        """Count a part that was written.

        Args:
            size_bytes: Its length, with all that surrounds the picture.
            now_s: The clock.
        """
        self.sent += 1
        self.sent_bytes += size_bytes
        self._recent.append((now_s, size_bytes))
        self._recent_bytes += size_bytes
        self._forget(now_s)

    @property
    def fps(self) -> float:
        """Parts per second over the last two seconds."""
        self._forget(self._clock())
        return len(self._recent) / _WINDOW_S

    @property
    def bitrate_bps(self) -> int:
        """Bits per second over the last two seconds."""
        self._forget(self._clock())
        return round(self._recent_bytes * 8 / _WINDOW_S)

    def _forget(self, now_s: float) -> None:
        recent = self._recent
        while recent and recent[0][0] <= now_s - _WINDOW_S:
            self._recent_bytes -= recent.popleft()[1]
