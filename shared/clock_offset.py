"""What is known of the difference between two clocks: a range, narrowed by every exchange.

One side asks the other what time it is. The answer was made between asking and receiving, which
bounds the difference from both sides; several exchanges bound it better than one, the one with the
shortest round trip best. Clocks drift, so that a range that nobody narrows becomes wider.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

__all__ = ["Offset"]

_DRIFT: Final = 1e-4
"""Of two clocks against each other: crystals differ by less, and NTP may slew faster for a while,
which then shows as a contradiction."""


@dataclass(frozen=True, slots=True)
class Offset:
    """How much later it is by our clock than by the other.

    Attributes:
        least_ms: At least so much; negative: the other clock is ahead.
        most_ms: At most.
    """

    least_ms: float
    most_ms: float

    @classmethod
    def of_exchange(
        cls, sent_ms: float, told_ms: float, received_ms: float, doubt_ms: float = 0.0
    ) -> Self:
        """What one exchange says.

        Args:
            sent_ms: When the other side was asked, by our clock.
            told_ms: What it said, by its clock.
            received_ms: When the answer was there, by our clock.
            doubt_ms: What the other side may be wrong by itself, or has rounded.
        """
        return cls(sent_ms - told_ms - doubt_ms, received_ms - told_ms + doubt_ms)

    @property
    def differs(self) -> bool:
        """Whether the clocks certainly do not show the same time."""
        return not self.least_ms <= 0.0 <= self.most_ms

    @property
    def middle_ms(self) -> float:
        """The best guess."""
        return (self.least_ms + self.most_ms) / 2

    @property
    def doubt_ms(self) -> float:
        """What the best guess may be wrong by at most."""
        return (self.most_ms - self.least_ms) / 2

    def narrowed(self, other: Offset) -> Offset:
        """What both allow; this one where they contradict each other."""
        least, most = max(self.least_ms, other.least_ms), min(self.most_ms, other.most_ms)
        return Offset(least, most) if least <= most else self

    def aged(self, passed_ms: float) -> Offset:
        """What is left of it after some time in which the clocks may have drifted."""
        drift_ms = passed_ms * _DRIFT
        return Offset(self.least_ms - drift_ms, self.most_ms + drift_ms)
