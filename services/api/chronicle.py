"""A camera's frames and lives over all epochs, though each Video Module counts from 1 again.

Every worker goes on from the longest chronicle that any worker of this server has told, so it does
not begin anew with a worker, and ends neither with one nor with a Video Module.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Chronicle"]


@dataclass(slots=True)
class Chronicle:
    """What was seen of one camera's ring so far.

    Attributes:
        epoch: The present life, or the last one; 0: none was seen yet.
        head: Its newest frame.
        dropped: Frames its source had and nobody got.
        captured: Frames of all Video Modules before the one whose it is.
        lost: As ``dropped``, of all Video Modules before.
        lives: How many epochs were seen.
    """

    epoch: int = 0
    head: int = 0
    dropped: int = 0
    captured: int = 0
    lost: int = 0
    lives: int = 0

    @property
    def captured_total(self) -> int:
        """Frames in all."""
        return self.captured + self.head

    @property
    def lost_total(self) -> int:
        """Frames that the source had and nobody got, in all."""
        return self.lost + self.dropped

    def see(self, epoch: int, head: int, dropped: int) -> None:
        """Take into account how far the ring is.

        Args:
            epoch: Its life; another one than before is the next one.
            head: Its newest frame.
            dropped: Frames the source had and nobody got; 0 where it is not known.
        """
        if epoch != self.epoch:
            if head <= self.head:  # another process; one that makes its ring anew goes on counting
                self.captured, self.lost = self.captured_total, self.lost_total
                self.head = self.dropped = 0
            self.epoch = epoch
            self.lives += 1
        self.head = max(self.head, head)
        self.dropped = max(self.dropped, dropped)

    def document(self) -> dict[str, int]:
        """For ``of``."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """A chronicle from its document."""
        return cls(**document)

    @classmethod
    def longest(cls, chronicles: Iterable[Self]) -> Self:
        """The one that has seen most; a new one where there is none."""
        return max(chronicles, key=lambda each: each.captured_total, default=cls())
