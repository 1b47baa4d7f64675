"""Receives in a thread of its own, so that no decoding delays what is measured."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Final

from services.latency.errors import StreamEnded
from services.latency.picture import image_of
from services.latency.sighting import Sighting, look

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.latency.http_stream import HttpStream
    from shared.multipart import Part

__all__ = ["sightings"]

_LEAVE_S: Final = 1.0
_Waiting = queue.SimpleQueue[tuple["Part", Sighting] | StreamEnded]


def sightings(stream: HttpStream, until_s: float) -> Iterator[Sighting]:
    """Yield every frame of a stream, its picture looked at.

    Args:
        stream: Open; is closed here.
        until_s: When to stop, steady clock, seconds.

    Raises:
        StreamEnded: It ended before that.
    """
    waiting: _Waiting = queue.SimpleQueue()
    leaving = threading.Event()
    thread = threading.Thread(target=_receive, args=(stream, waiting, leaving), daemon=True)
    thread.start()
    try:
        while (received := _next(waiting, until_s)) is not None:
            part, said = received
            yield look(said, image_of(part.headers, part.jpeg))
    finally:
        leaving.set()
        thread.join(_LEAVE_S)


def _receive(stream: HttpStream, waiting: _Waiting, leaving: threading.Event) -> None:
    try:
        for received in stream.parts():
            waiting.put(received)
            if leaving.is_set():
                return
    except StreamEnded as error:
        waiting.put(error)
    finally:
        stream.close()


def _next(waiting: _Waiting, until_s: float) -> tuple[Part, Sighting] | None:
    """What was received in time; None: no more."""
    try:
        received = waiting.get(timeout=max(0.0, until_s - time.monotonic()))
    except queue.Empty:
        return None
    if isinstance(received, StreamEnded):
        raise received
    return received if received[1].received_at <= until_s else None
