"""A client that never gives up and checks every picture: is it the frame it says, to the last bit?

It takes parts in a thread of its own, comes back when the server ends the stream, and keeps numbers
instead of pictures, so that it may run for long.
"""

from __future__ import annotations

import threading
import time
import zlib
from typing import TYPE_CHECKING, Final, Self

from tests.support.mjpeg_client import EndOfStream, MjpegClient, ProtocolViolation
from tests.support.streams import assert_telling

if TYPE_CHECKING:
    from shared.multipart import Part

__all__ = ["Verifier"]

_BREATH_S: Final = 0.05


class Verifier:
    """One client of one stream, until its ``with`` block is over.

    Args:
        url: Of the stream.
        telling: Whether each live picture must show the number its headers say.
        checksums: Whether each part must carry its ``X-CRC32``.

    Attributes:
        live: Live parts taken, each of them checked.
        blanks: Parts that said there is no signal.
        checked: Checksums that were compared.
        wrong: What was wrong with which part; must stay empty.
        connects: Times it connected; 1 says that the stream was never cut off.
        epochs: Every epoch that a live part named, in order.
        newest_captured: Wall clock, seconds, at which the newest live frame was captured.
    """

    def __init__(self, url: str, *, telling: bool = True, checksums: bool = False) -> None:
        self.live = 0
        self.blanks = 0
        self.checked = 0
        self.wrong: list[str] = []
        self.connects = 0
        self.epochs: list[int] = []
        self.newest_captured = 0.0
        self._url = url
        self._telling = telling
        self._checksums = checksums
        self._last = (0, 0)
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._leaving.set()
        self._thread.join(30.0)
        assert not self._thread.is_alive(), "a client hangs"

    def _run(self) -> None:
        while not self._leaving.is_set():
            try:
                self._watch()
            except (EndOfStream, OSError):
                self._leaving.wait(_BREATH_S)
            except ProtocolViolation as error:
                if "closed" not in str(error) and "no stream" not in str(error):
                    self.wrong.append(str(error))
                self._leaving.wait(_BREATH_S)

    def _watch(self) -> None:
        with MjpegClient(self._url, timeout_s=10.0) as client:
            if client.status != 200:
                self._leaving.wait(_BREATH_S)
                return
            self.connects += 1
            while not self._leaving.is_set():
                self._take(client.next_part())

    def _take(self, part: Part) -> None:
        try:
            self._check(part)
        except AssertionError as error:
            self.wrong.append(f"frame {part.number} of {part.epoch}: {error}")

    def _check(self, part: Part) -> None:
        if self._checksums:
            assert part.headers["x-crc32"] == f"{zlib.crc32(part.jpeg):08x}", "CRC-32"
            self.checked += 1
        if not part.online:
            self.blanks += 1
            return
        self.live += 1
        if part.epoch not in self.epochs[-1:]:
            self.epochs.append(part.epoch)
        now = (part.epoch, part.number)
        before, self._last = self._last, now
        self.newest_captured = max(self.newest_captured, part.timestamp)
        if self._telling:
            assert_telling(part)
        assert now >= before, f"goes back from {before}"

    def wait_live_since(self, wall_s: float, frames: int = 5, timeout_s: float = 20.0) -> float:
        """Wait for live frames that were captured after a moment.

        Args:
            wall_s: The moment, ``time.time``.
            frames: How many parts more are to follow the first one.
            timeout_s: How long at most.

        Returns:
            How long after the moment the first one was there, seconds.

        Raises:
            AssertionError: They did not come in time.
        """
        deadline = time.monotonic() + timeout_s
        breath = threading.Event()
        first_s, live_then = 0.0, 0
        while not first_s or self.live < live_then + frames:
            if not first_s and self.newest_captured > wall_s:
                first_s, live_then = time.time(), self.live
            assert time.monotonic() < deadline, (
                f"no {frames} live frames within {timeout_s:g} s: {self.live} so far, "
                f"{self.blanks} blanks, {self.connects} connections, wrong: {self.wrong[:3]}"
            )
            breath.wait(0.002)
        return first_s - wall_s
