"""Where a camera's frames come from: this host's own capture, or another node's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from shared.ring.reader import RingReader

__all__ = ["Origin"]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a ring says of the nodes behind it.

    Attributes:
        hops: The origin first, this node last; empty: not known.
        clock_us: Wall clock of the origin less ``CLOCK_MONOTONIC`` here; 0: not known, or ours.
        clock_doubt_us: What that may be wrong by at most.
        reconnects: How often the node behind this one was connected to again.
    """

    hops: tuple[str, ...] = ()
    clock_us: int = 0
    clock_doubt_us: int = 0
    reconnects: int = 0

    @classmethod
    def of(cls, reader: RingReader | None) -> Self:
        """What is known through a reader; None: there is no ring."""
        if reader is None:
            return cls()
        return cls(reader.hops, reader.origin_clock_us, reader.clock_doubt_us, reader.reconnects)

    @property
    def relayed(self) -> bool:
        """Whether the frames were captured elsewhere."""
        return len(self.hops) > 1

    @property
    def clock_known(self) -> bool:
        """Whether it is known what time it is at the origin."""
        return not self.relayed or self.clock_us != 0

    def wall_us(self, monotonic_ns: int) -> int:
        """What the origin's wall clock shows at a moment of ours, microseconds since 1970."""
        clock_us = self.clock_us or (time.time_ns() - time.monotonic_ns()) // 1000
        return clock_us + monotonic_ns // 1000

    def status(self, upstream: str) -> dict[str, Any] | None:
        """What the status document says of a relay; None: the frames are captured here.

        Args:
            upstream: The node behind this one, without secrets.
        """
        if not self.relayed:
            return None
        ahead_us = self.wall_us(time.monotonic_ns()) - time.time_ns() // 1000
        known = self.clock_known
        return {
            "upstream": upstream,
            "hops": list(self.hops),
            "clock_offset_ms": ahead_us / 1000 if known else None,
            "clock_uncertainty_ms": self.clock_doubt_us / 1000 if known else None,
            "reconnects": self.reconnects,
        }
