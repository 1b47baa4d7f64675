"""The thread that owns the source, so that a source that hangs in C cannot stop anything else.

The capture loop keeps its heartbeat, shows blanks and obeys SIGTERM whatever the source does. The
two share the source by taking turns: after ``PictureReady`` the grabber touches nothing until
``resume``, and in between the capture loop retrieves the picture into its slot.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Final

from services.video.messages import (
    GrabberFailed,
    PictureReady,
    SourceFinished,
    SourceLost,
    SourceOpened,
)
from shared.errors import SourceEnded, SourceUnavailable
from shared.meter import Throttle

if TYPE_CHECKING:
    from services.video.backoff import Backoff
    from services.video.messages import Inbox
    from services.video.sources import Source
    from services.video.watchdog import Pulse

__all__ = ["GRABBER_THREAD", "Grabber"]

log = logging.getLogger(__name__)

GRABBER_THREAD: Final = "grabber"
_COMPLAINT_S: Final = 10.0


class Grabber:
    """Opens the source, grabs picture after picture, and tries again when it is lost.

    Args:
        source: Belongs to this object's thread, but for the turn of the capture loop.
        inbox: Where the capture loop listens.
        backoff: Pauses between two tries.
        stopping: Set when the service ends; sources with a pace of their own wait on it.
        pulse: Of this object's thread; told of every call of the source.
    """

    def __init__(
        self,
        source: Source,
        inbox: Inbox,
        backoff: Backoff,
        stopping: threading.Event,
        pulse: Pulse,
    ) -> None:
        self._source = source
        self._inbox = inbox
        self._backoff = backoff
        self._stopping = stopping
        self._pulse = pulse
        self._complained = ""
        self._complaints = Throttle(_COMPLAINT_S)
        self._turn: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        # A daemon, because one that hangs in C can never be joined.
        self._thread = threading.Thread(target=self._run, name=GRABBER_THREAD, daemon=True)

    def start(self) -> None:
        """Begin; the first message comes when the source has been opened or has failed to."""
        self._thread.start()

    def resume(self, lost_because: str | None = None) -> None:
        """Give the source back after a ``PictureReady``.

        Args:
            lost_because: Why it counts as lost though it grabs; None while it does not.
        """
        self._turn.put(lost_because)

    def stop(self, timeout_s: float) -> bool:
        """End the thread and close the source.

        Returns:
            True when that is done; False when the source still hangs after ``timeout_s`` seconds.
        """
        self._stopping.set()
        self._turn.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._open_and_grab()
        except SourceEnded as error:
            self._inbox.put(SourceFinished(str(error)))
        except Exception as error:  # noqa: BLE001 - the thread's outermost line: the loop raises it
            self._inbox.put(GrabberFailed(error))
        finally:
            self._close()
            self._pulse.idle()

    def _open_and_grab(self) -> None:
        """One life of the source, and the pause after it."""
        try:
            self._pulse.doing(f"opening {self._source.label}", self._source.longest_open_s)
            self._source.open()
            log.info("source %s opened: %s", self._source.label, self._source.details)
            self._inbox.put(SourceOpened())
            self._grab_until_lost()
        except SourceUnavailable as error:
            self._close()
            pause_s = self._backoff.next_pause_s() if error.retry_s is None else error.retry_s
            self._complain(error, pause_s)
            self._inbox.put(SourceLost(str(error), returns=error.retry_s is not None))
            self._pulse.idle()
            self._stopping.wait(pause_s)

    def _complain(self, error: SourceUnavailable, pause_s: float) -> None:
        """Log a loss: the one of a source that is tried at short pauses not each time."""
        why = str(error)
        if why != self._complained or error.retry_s is None:
            self._complained, self._complaints = why, Throttle(_COMPLAINT_S)
        withheld = self._complaints.ready(time.monotonic())
        if withheld is not None:
            more = f" ({withheld} more like this)" if withheld else ""
            text = "source %s: %s; next try in %.2g s%s"
            log.warning(text, self._source.label, why, pause_s, more)

    def _close(self) -> None:
        self._pulse.doing(f"closing {self._source.label}")
        self._source.close()

    def _grab_until_lost(self) -> None:
        first_s: float | None = None
        while not self._stopping.is_set():
            what = f"waiting for a picture of {self._source.label}"
            self._pulse.doing(what, self._source.longest_grab_s)
            grab = self._source.grab()
            self._pulse.idle()
            if self._stopping.is_set():
                return
            now_s = time.monotonic()
            first_s = now_s if first_s is None else first_s
            self._backoff.worked_for(now_s - first_s)
            self._inbox.put(PictureReady(grab))
            lost_because = self._turn.get()
            if lost_because is not None:
                raise SourceUnavailable(lost_because)
