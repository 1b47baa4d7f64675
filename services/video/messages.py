"""What the parts of the Video Module tell the capture loop; all of it goes through one inbox.

The inbox is a ``queue.SimpleQueue`` because its ``put`` may be called from a signal handler that
interrupted the very thread that is waiting on it, which no lock of ours would survive.
"""

from __future__ import annotations

import queue
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.video.sources import Grab

__all__ = [
    "GrabberFailed",
    "Inbox",
    "Message",
    "PictureReady",
    "SourceFinished",
    "SourceLost",
    "SourceOpened",
    "StopRequested",
]


@dataclass(frozen=True, slots=True)
class SourceOpened:
    """The source is open; its first picture is still to come."""


@dataclass(frozen=True, slots=True)
class PictureReady:
    """A picture can be retrieved; the grabber waits until ``resume`` says that this was done."""

    grab: Grab


@dataclass(frozen=True, slots=True)
class SourceLost:
    """No pictures until the source is opened again; the grabber sees to that.

    Attributes:
        reason: A sentence for the operator.
        returns: It may well be back before anybody misses a picture.
    """

    reason: str
    returns: bool = False


@dataclass(frozen=True, slots=True)
class SourceFinished:
    """A file that is not looped is through.

    Attributes:
        reason: A sentence for the operator.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class GrabberFailed:
    """The grabber met an error it has no name for: the service must end."""

    error: Exception


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Somebody wants the service to end.

    Attributes:
        by: Who: the signal, or the closed standard input.
    """

    by: str


Message = SourceOpened | PictureReady | SourceLost | SourceFinished | GrabberFailed | StopRequested
Inbox = queue.SimpleQueue[Message]
