"""Whether the server's wall clock is ours: ages are differences between the two.

The server says what time it is to it while an answer is made: in X-Timestamp and X-Age-Ms of a
single frame, to the millisecond; else in the header Date, to the second. Its answer was made
between our sending and our receiving, which bounds the difference from both sides.
"""

from __future__ import annotations

import http.client
import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from shared.clock_offset import Offset

if TYPE_CHECKING:
    from services.latency.http_stream import Address

__all__ = ["ask_offset", "frame_path", "offset_of"]

_TRIES: Final = 4
_ROUNDED_S: Final = 0.0005
"""An age is told in whole milliseconds."""

_STREAM: Final = re.compile(r"/stream/(video/shm|[A-Za-z0-9_-]+)(?:/raw)?/?")


def frame_path(path: str) -> str:
    """The single frame beside a stream, ``/stream/video/frame``; empty: no address of ours."""
    found = _STREAM.fullmatch(path)
    return f"/stream/{found[1]}/frame" if found else ""


def offset_of(headers: http.client.HTTPMessage, sent_s: float, received_s: float) -> Offset | None:
    """What one answer tells.

    Args:
        headers: Of the answer.
        sent_s: When it was asked for, our wall clock, seconds.
        received_s: When it was there.

    Returns:
        None: it does not say what time it is.
    """
    stamp, age = headers.get("X-Timestamp"), headers.get("X-Age-Ms")
    try:
        if stamp is not None and age is not None:
            told_s = float(stamp) + float(age) / 1000
            doubt_s = _ROUNDED_S
        else:  # it says the second that had begun
            told_s = parsedate_to_datetime(headers.get("Date", "")).timestamp() + 0.5
            doubt_s = 0.5
    except ValueError:
        return None
    return Offset.of_exchange(sent_s * 1e3, told_s * 1e3, received_s * 1e3, doubt_s * 1e3)


def ask_offset(address: Address, timeout_s: float) -> Offset | None:
    """Ask the server, a few times.

    Returns:
        None: it does not answer, or not what time it is.
    """
    path = frame_path(address.path)
    if not path:
        return None
    best: Offset | None = None
    for _ in range(_TRIES):
        sent_s = time.time()
        try:
            connection, response = address.ask(path, "max_age=10000", timeout_s)
        except (OSError, http.client.HTTPException):
            return best
        received_s = time.time()
        connection.close()
        found = offset_of(response.headers, sent_s, received_s)
        if found is not None:
            best = found if best is None else best.narrowed(found)
    return best
