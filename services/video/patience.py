"""How long a source may be silent, or send nothing of use, before that is a stall.

A camera of 30 frames per second that says nothing for two seconds is stuck; a time lapse of one
picture in ten seconds is not: the pace is learned from the source itself. No clock of its own:
whoever asks says what time it is.
"""

from __future__ import annotations

from collections import deque
from typing import Final

__all__ = ["Patience"]

_STALL_PERIODS: Final = 2.0
_GAPS: Final = 3
"""The shortest of the last gaps is taken for the source's period: an outage is no period."""


class Patience:
    """Told of every picture; used by one thread.

    Args:
        stall_timeout_s: The ``video.stall_timeout_sec`` setting, the least patience there is.
    """

    def __init__(self, stall_timeout_s: float) -> None:
        self._stall_timeout_s = stall_timeout_s
        self._picture_s: float | None = None
        self._damaged_since_s: float | None = None
        self._gaps_s: deque[float] = deque(maxlen=_GAPS)  # between pictures

    def after_picture(self, now_s: float, period_s: float | None) -> float:
        """A picture came; how long the next one may take, seconds.

        Args:
            now_s: Any steady clock, seconds.
            period_s: What the source itself says of that; None where it does not know.
        """
        self._damaged_since_s = None
        if self._picture_s is not None:
            self._gaps_s.append(now_s - self._picture_s)
        self._picture_s = now_s
        if period_s is None:
            period_s = min(self._gaps_s, default=0.0)
        return max(self._stall_timeout_s, _STALL_PERIODS * period_s)

    def after_damage(self, now_s: float) -> str | None:
        """A picture came that cannot be used.

        Returns:
            Why the source counts as lost, if it gave no others for too long.
        """
        if self._damaged_since_s is None:
            self._damaged_since_s = now_s
        damaged_s = now_s - self._damaged_since_s
        if damaged_s < self._stall_timeout_s:
            return None
        return f"nothing but damaged pictures for {damaged_s:.0f} s"

    def after_opening(self) -> None:
        """The source was opened anew: what it sent before does not count."""
        self._damaged_since_s = None
