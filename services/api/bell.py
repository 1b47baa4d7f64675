"""Says when frames come without notifications, which the clients see as four frames a second.

A notification only wakes; the ring is looked at in any case. So everything works without them, a
little late, and nobody would know why: somebody has to say so.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from typing import TYPE_CHECKING, Final

from shared.meter import Throttle

if TYPE_CHECKING:
    from pathlib import Path

    from shared.doorbell import Hearing
    from shared.naming import SegmentPaths

__all__ = ["Bell"]

log = logging.getLogger(__name__)

_SILENCE_S: Final = 5.0
"""A publisher that starts again is heard of within half a second."""
_COMPLAIN_EVERY_S: Final = 60.0


class Bell:
    """One camera's notifications: do they come when frames do?

    Args:
        paths: The camera's files.
        hearing: Knows for how long they have not.
        level: Of the line that says so.

    Attributes:
        silent: Frames have come for five seconds, and no notification.
    """

    def __init__(self, paths: SegmentPaths, hearing: Hearing, level: int = logging.WARNING) -> None:
        self._paths = paths
        self._level = level
        self._hearing = hearing
        self._complaint = Throttle(_COMPLAIN_EVERY_S)
        self._said = False
        self.silent = False

    def listen(self) -> None:
        """A new frame was found, and all messages that waited were heard."""
        silent_s = self._hearing.silent_s
        if silent_s >= _SILENCE_S and not self.silent:
            self.silent = True
            self._complain(time.monotonic())
        elif silent_s == 0:
            self.silent = False
            if self._said:
                self._said = False
                log.info("%s: notifications come again", self._paths.name)

    def _complain(self, now: float) -> None:
        if self._complaint.ready(now) is None:
            return
        self._said = True
        log.log(
            self._level,
            "%s: frames come, but no notifications, so the ring is looked at four times a second "
            "and no more frames than that are seen: %s",
            *(self._paths.name, _advice(self._paths.socket)),
        )


def _advice(path: Path) -> str:
    """What is wrong with a socket's file, and what to do about it."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"{path} cannot be found ({error.strerror}); the Video Module makes it, restart that"
    if not stat.S_ISSOCK(mode):
        return f"{path} is no socket: remove it, the Video Module makes another one"
    if not os.access(path, os.W_OK, effective_ids=True):
        return (
            f"user {os.geteuid()} may not write to {path} ({stat.filemode(mode)}): run the API as "
            "its owner or in its group"
        )
    return f"nobody answers at {path}: restart the Video Module"
