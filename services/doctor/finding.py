"""What was found, and the exact lines that would fix it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["Finding", "Fix", "Level", "ok", "problem", "warning"]


class Level(enum.IntEnum):
    """How bad it is; also the exit code."""

    OK = 0
    WARNING = 1
    PROBLEM = 2


@dataclass(frozen=True, slots=True)
class Fix:
    """Lines to copy.

    Attributes:
        where: They belong: "compose.yaml", "Kubernetes", "shell".
        lines: Ready to be pasted.
    """

    where: str
    lines: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        topic: What: "shared memory", "ring", "camera".
        level: How bad it is.
        text: One sentence.
        fixes: What would change that; any one of them does.
    """

    topic: str
    level: Level
    text: str
    fixes: tuple[Fix, ...] = ()


def ok(topic: str, text: str) -> Finding:
    """All is well."""
    return Finding(topic, Level.OK, text)


def warning(topic: str, text: str, *fixes: Fix) -> Finding:
    """It works, but may not always, or not as well as it could."""
    return Finding(topic, Level.WARNING, text, fixes)


def problem(topic: str, text: str, *fixes: Fix) -> Finding:
    """It cannot work like this."""
    return Finding(topic, Level.PROBLEM, text, fixes)
