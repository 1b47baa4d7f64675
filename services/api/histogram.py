"""How a number is spread: counted by bounds that never change, so that workers' counts add up."""

from __future__ import annotations

from bisect import bisect_left

__all__ = ["Histogram"]


class Histogram:
    """Counts observations between fixed bounds.

    Args:
        bounds: Upper ends of all buckets but the last, which has none; ascending.

    Attributes:
        bounds: As given.
        counts: Observations per bucket, one more than bounds: a bucket holds its upper end.
        sum: Of all observations.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def note(self, value: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        """How many observations there were."""
        return sum(self.counts)

    def cells(self) -> list[float]:
        """As numbers that can be added up: the counts, then the sum."""
        return [*self.counts, self.sum]

    def load(self, cells: list[float]) -> None:
        """Take over what ``cells`` of a histogram with the same bounds gave, or their sums."""
        *counts, self.sum = cells
        self.counts = [int(count) for count in counts]
