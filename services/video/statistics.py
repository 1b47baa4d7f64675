"""What the Video Module says of itself in the log: a line a minute, no flood of complaints."""

from __future__ import annotations

import logging
import time
from typing import Final

from shared.meter import RateMeter, Throttle

__all__ = ["Statistics"]

log = logging.getLogger(__name__)

_REPORT_INTERVAL_S: Final = 60.0
_COMPLAINT_INTERVAL_S: Final = 10.0


class Statistics:
    """Counts of the capture loop, used by its thread alone.

    Args:
        now_s: ``time.monotonic`` at the start.
    """

    def __init__(self, now_s: float | None = None) -> None:
        self._rate = RateMeter(10.0)
        self._complaints = Throttle(_COMPLAINT_INTERVAL_S)
        self._report_due_s = (time.monotonic() if now_s is None else now_s) + _REPORT_INTERVAL_S
        self._frames = 0
        self._dropped = 0
        self._damaged = 0

    def count_frame(self, now_s: float) -> None:
        """A picture went into the ring."""
        self._frames += 1
        self._rate.tick(now_s)

    def count_dropped(self, frames: int) -> None:
        """The source had pictures that nobody got."""
        self._dropped += frames

    def count_damaged(self) -> None:
        """One of the dropped pictures could not be used."""
        self._damaged += 1

    def complain(self, now_s: float, problem: str) -> None:
        """Log a problem that may come with every picture."""
        withheld = self._complaints.ready(now_s)
        if withheld is not None:
            log.warning("%s%s", problem, f" ({withheld} more like this)" if withheld else "")

    def report(self, now_s: float) -> None:
        """Log the line of the minute, when the minute is over."""
        if now_s < self._report_due_s:
            return
        log.info(
            "%.1f fps; in the last minute %d frames, %d dropped%s",
            self._rate.rate(now_s),
            self._frames,
            self._dropped,
            f" ({self._damaged} of them damaged)" if self._damaged else "",
        )
        self._report_due_s = now_s + _REPORT_INTERVAL_S
        self._frames = self._dropped = self._damaged = 0
