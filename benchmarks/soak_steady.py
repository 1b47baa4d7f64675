"""Clients that watch for the whole soak, come back when cut off, and look closely at what they get.

The parser is the strict one of the tests: a byte too many between two parts ends the client with a
violation. Every tenth picture is decoded and the number drawn into it compared with the one its
headers speak of.
"""

from __future__ import annotations

import math
import threading
import time
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from shared.frame_code import read_codes
from tests.support.mjpeg_client import EndOfStream, MjpegClient, ProtocolViolation

if TYPE_CHECKING:
    from shared.multipart import Part

__all__ = ["CHECK_EVERY", "SteadyClient", "judged_picture"]

CHECK_EVERY: Final = 10
_RECEIVE_TIMEOUT_S: Final = 5.0
"""Longer than the pause of a Video Module that is stopped: the last part is repeated meanwhile."""
_PAUSE_S: Final = 0.1
_KEPT: Final = 5
_MOST: Final = 1 << 32
"""A picture holds its number modulo this."""


@dataclass
class Seen:
    """What a steady client has seen since it was asked last.

    Attributes:
        since_s: When that was, ``time.monotonic()``.
        ages_ms: Of the live frames that came.
        fps: Live frames per second.
    """

    since_s: float
    ages_ms: list[float] = field(default_factory=list)
    fps: float = 0.0


class SteadyClient(threading.Thread):
    """One client, in a thread of its own.

    Args:
        url: Of the stream.
        stay_s: After so many seconds it leaves and comes back; None: it stays.

    Attributes:
        arrivals_s: When each live frame's last byte had come, ``time.monotonic()``.
        ages_ms: How old each of them was then.
        checked: Pictures that were decoded.
        wrong: How many of them were not the frame their headers speak of.
        backwards: Parts whose number or epoch was lower than the one before.
        cuts_s: When its stream ended without its doing, ``time.monotonic()``.
        refusals: How often it was answered with something else than 200, or not at all.
        complaints: The first few things that were wrong, for the report.
    """

    def __init__(self, url: str, stay_s: float | None = None) -> None:
        super().__init__(name=f"steady {url}", daemon=True)
        self.arrivals_s = array("d")
        self.ages_ms = array("f")
        self.cuts_s: list[float] = []
        self.checked = self.wrong = self.backwards = self.refusals = 0
        self.complaints: list[str] = []
        self._url, self._stay_s = url, stay_s
        self._newest = (0, 0)
        self._seen = Seen(time.monotonic())
        self._lock = threading.Lock()
        self._leaving = threading.Event()

    def run(self) -> None:
        """Watch, and come back, until ``leave``."""
        while not self._leaving.is_set():
            try:
                with MjpegClient(self._url, timeout_s=_RECEIVE_TIMEOUT_S) as client:
                    self._watch(client)
            except (OSError, ProtocolViolation):  # nobody listens, or was killed before answering
                self.refusals += 1
            self._leaving.wait(_PAUSE_S)

    def leave(self) -> None:
        """Leave for good."""
        self._leaving.set()
        self.join(2 * _RECEIVE_TIMEOUT_S)

    def seen(self, now_s: float) -> Seen:
        """Take what was seen since the last call."""
        with self._lock:
            taken, self._seen = self._seen, Seen(now_s)
        taken.fps = len(taken.ages_ms) / max(1e-3, now_s - taken.since_s)
        return taken

    def _watch(self, client: MjpegClient) -> None:
        if client.status != 200:  # noqa: PLR2004 - HTTP's
            self.refusals += 1
            return
        until_s = time.monotonic() + (self._stay_s or math.inf)
        try:
            while not self._leaving.is_set() and time.monotonic() < until_s:
                self._take(client.next_part())
        except (OSError, EndOfStream):
            self.cuts_s.append(time.monotonic())
        except ProtocolViolation as violation:
            self.cuts_s.append(time.monotonic())
            self.wrong += 1
            self._complain(str(violation))

    def _take(self, part: Part) -> None:
        age_ms = 1000 * (time.time() - part.timestamp)
        newest, self._newest = self._newest, (part.epoch, part.number)
        if self._newest < newest:
            self.backwards += 1
            self._complain(f"after {newest} came {self._newest}")
        if not part.online or self._newest == newest:
            return
        self.arrivals_s.append(part.received_at)
        self.ages_ms.append(age_ms)
        with self._lock:
            self._seen.ages_ms.append(age_ms)
        if len(self.arrivals_s) % CHECK_EVERY == 0:
            self._check(part)

    def _check(self, part: Part) -> None:
        self.checked += 1
        complaint = judged_picture(part.jpeg, part.number)
        if complaint:
            self.wrong += 1
            self._complain(complaint)

    def _complain(self, complaint: str) -> None:
        if len(self.complaints) < _KEPT:
            self.complaints.append(complaint)


def judged_picture(jpeg: bytes, number: int) -> str:
    """Compare a picture of the test pattern with the frame it is said to be.

    Args:
        jpeg: At least 320x240 pixels.
        number: Its ``X-Frame-Number``.

    Returns:
        What is wrong with it; empty: nothing.
    """
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return f"frame {number} cannot be decoded"
    top, bottom = read_codes(image.astype(np.uint8, copy=False))
    if top is None or bottom is None:
        return f"frame {number} has no readable number"
    if top != bottom:
        return f"frame {number}: its top is {top.sequence}, its bottom {bottom.sequence}"
    if top.sequence != number % _MOST:
        return f"frame {number} shows {top.sequence}"
    return ""
