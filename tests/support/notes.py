"""A client of a fan-out that only takes notes: no socket, no pace, no time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.watchers import watcher

if TYPE_CHECKING:
    from services.api.adaptive import Adaptation
    from services.api.encoded import EncodedFrame
    from shared.frame import FrameInfo

__all__ = ["Notes"]


class Notes:
    """Takes everything it has not just taken, and writes down what it was sent.

    Args:
        eager: Whether it takes anything at all.

    Attributes:
        client: Who it is.
        seen: What it was sent.
        tended: How often it was looked after.
    """

    def __init__(self, *, eager: bool = True) -> None:
        self.adaptation: Adaptation | None = None
        self.client = watcher("notes")
        self.eager = eager
        self.seen: list[EncodedFrame] = []
        self.tended = 0
        self.ended = ""

    def wants(self, info: FrameInfo, source_fps: float) -> bool:
        """Whether it is eager and was not sent this frame last."""
        del source_fps
        return self.eager and [info.sequence] != [jpeg.sequence for jpeg in self.seen[-1:]]

    def would_take(self, info: FrameInfo, source_fps: float) -> bool:
        """As ``wants``, which counts nothing here."""
        return self.wants(info, source_fps)

    def ready(self) -> bool:
        """Whether it is eager."""
        return self.eager

    def send(self, jpeg: EncodedFrame) -> None:
        """Write it down."""
        self.seen.append(jpeg)

    def tend(self) -> None:
        """Count it."""
        self.tended += 1

    def end(self, why: str) -> None:
        """Keep the first reason."""
        self.ended = self.ended or why
