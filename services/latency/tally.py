"""Adds up what was seen: age, jitter, loss, torn and repeated frames; no I/O, no clock.

What is measured, exactly:

age       from capture to the last byte at this client, wall clock to wall clock
jitter    how differently two frames that follow each other were late: arrival gap less capture gap,
          its absolute value; no clock has to agree with another (RFC 3550, section 6.4.1)
missing   numbers that never came between the first and the last one of an epoch
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.latency.sighting import Sighting

__all__ = ["Report", "Spread", "Tally", "spread"]

_POINTS: Final = 100


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of a quantity, milliseconds."""

    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Report:
    """What a client got.

    Attributes:
        seconds: From the first to the last frame that was received.
        received: Frames received, blanks and repeats included.
        fps: Different frames per second.
        bytes_per_s: Of all that was sent, what surrounds the pictures included.
        age_ms: Of different frames; None: there were none, or nothing says when they were captured.
        jitter_ms: None: fewer than two such frames.
        gap_ms: Between the arrivals of two different frames; None as above.
        expected: Numbers from the first to the last frame, over all epochs.
        missing: Of those, how many never came.
        repeated: Frames that had come before.
        backwards: Frames with a lower number than one that had come before, in the same epoch.
        torn: Pictures whose top and bottom are of different frames.
        contradicting: Pictures of another frame than their headers said.
        blank: Frames that show nothing, because the camera gave nothing.
        epochs: Lives of the ring that were seen.
        coded: Frames whose number and time were read from the picture itself.
    """

    seconds: float
    received: int
    fps: float
    bytes_per_s: float
    age_ms: Spread | None
    jitter_ms: Spread | None
    gap_ms: Spread | None
    expected: int
    missing: int
    repeated: int
    backwards: int
    torn: int
    contradicting: int
    blank: int
    epochs: int
    coded: int


@dataclass(slots=True)
class _Epoch:
    """Numbers of one epoch."""

    seen: set[int] = field(default_factory=set)
    newest: int = -1


class Tally:
    """Told of every frame, in the order they came."""

    def __init__(self) -> None:
        self._epochs: dict[str, _Epoch] = {}
        self._first_s: float | None = None
        self._last_s = 0.0
        self._previous: Sighting | None = None
        self._ages_ms: list[float] = []
        self._jitters_ms: list[float] = []
        self._gaps_ms: list[float] = []
        self._counts = dict.fromkeys(
            ("received", "repeated", "backwards", "torn", "contradicting", "blank", "coded"), 0
        )

    def add(self, frame: Sighting) -> None:
        """One more frame."""
        if self._first_s is None:
            self._first_s = frame.received_at
        self._last_s = frame.received_at
        self._count("received")
        self._count("blank", more=not frame.online)
        self._count("coded", more=frame.coded)
        self._count("torn", more=frame.torn)
        self._count("contradicting", more=frame.contradicts)
        if self._is_repeated(frame):
            self._count("repeated")
        elif frame.online and not frame.torn:
            self._time(frame)

    def report(self, received_bytes: int) -> Report:
        """What it comes to.

        Args:
            received_bytes: While frames were added.
        """
        seconds = 0.0 if self._first_s is None else self._last_s - self._first_s
        numbered = sum(len(epoch.seen) for epoch in self._epochs.values())
        different = self._counts["received"] - self._counts["repeated"]
        expected = sum(max(e.seen) - min(e.seen) + 1 for e in self._epochs.values())
        return Report(
            seconds=round(seconds, 3),
            fps=round((different - 1) / seconds, 2) if seconds else 0.0,
            bytes_per_s=round(received_bytes / seconds) if seconds else 0.0,
            age_ms=spread(self._ages_ms),
            jitter_ms=spread(self._jitters_ms),
            gap_ms=spread(self._gaps_ms),
            expected=expected,
            missing=expected - numbered,
            epochs=len(self._epochs),
            **self._counts,
        )

    def _is_repeated(self, frame: Sighting) -> bool:
        """Whether it came before; notes its number, where it has one."""
        if frame.number < 0:
            return False
        epoch = self._epochs.setdefault(frame.epoch, _Epoch())
        if frame.number in epoch.seen:
            return True
        self._count("backwards", more=frame.number < epoch.newest)
        epoch.seen.add(frame.number)
        epoch.newest = max(epoch.newest, frame.number)
        return False

    def _time(self, frame: Sighting) -> None:
        if frame.captured_wall_us:
            self._ages_ms.append(frame.age_ms)
        previous, self._previous = self._previous, frame
        if previous is None:
            return
        gap_ms = (frame.received_at - previous.received_at) * 1000
        self._gaps_ms.append(gap_ms)
        if previous.epoch == frame.epoch and frame.captured_wall_us and previous.captured_wall_us:
            between_ms = (frame.captured_wall_us - previous.captured_wall_us) / 1000
            self._jitters_ms.append(abs(gap_ms - between_ms))

    def _count(self, name: str, *, more: bool = True) -> None:
        self._counts[name] += more


def spread(values_ms: Sequence[float]) -> Spread | None:
    """Percentiles; None of nothing."""
    if not values_ms:
        return None
    ordered = sorted(values_ms)
    if len(ordered) == 1:
        ordered *= 2
    cuts = statistics.quantiles(ordered, n=_POINTS, method="inclusive")
    return Spread(*(round(value, 2) for value in (cuts[49], cuts[94], cuts[98], ordered[-1])))
