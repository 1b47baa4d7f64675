"""Clients that watch a stream for a while and tell what they saw."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.mjpeg_client import EndOfStream, MjpegClient, ProtocolViolation

__all__ = ["Outcome", "table", "watch"]


@dataclass
class Outcome:
    """What one client saw.

    Attributes:
        parts: Parts received.
        frames: Different frames among them.
        gaps: Frames of the camera that were left out between two received ones.
        span_s: From the first part to the last.
        error: What went wrong; empty if nothing.
    """

    parts: int = 0
    frames: int = 0
    gaps: int = 0
    span_s: float = 0.0
    error: str = ""

    @property
    def fps(self) -> float:
        """Different frames per second."""
        return (self.frames - 1) / self.span_s if self.span_s > 0 else 0.0


def watch(url: str, duration_s: float) -> Outcome:
    """Be one client for a while; every byte of the stream is checked on the way."""
    outcome = Outcome()
    first_at, last, seen = 0.0, 0, 0
    try:
        with MjpegClient(url) as client:
            if client.status != 200:
                outcome.error = f"{client.status_line}: {client.body.decode(errors='replace')}"
                return outcome
            for part in client.parts(duration_s=duration_s):
                first_at = first_at or part.received_at
                outcome.parts += 1
                outcome.span_s = part.received_at - first_at
                if (part.epoch, part.number) != (last, seen):
                    same_epoch = part.epoch == last
                    outcome.gaps += max(0, part.number - seen - 1) if same_epoch else 0
                    outcome.frames += 1
                    last, seen = part.epoch, part.number
    except (OSError, EndOfStream, ProtocolViolation) as error:
        outcome.error = f"{type(error).__name__}: {error}"
    return outcome


def table(outcomes: list[Outcome]) -> str:
    """Lay out one line per client."""
    lines = ["  client  parts  frames    fps  gaps  errors"]
    for number, outcome in enumerate(outcomes, start=1):
        lines.append(
            f"  {number:6d} {outcome.parts:6d} {outcome.frames:7d} {outcome.fps:6.1f} "
            f"{outcome.gaps:5d}  {outcome.error or '-'}"
        )
    return "\n".join(lines)
