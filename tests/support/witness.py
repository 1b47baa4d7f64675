"""A client that goes on watching while the test does harm, and checks every part it is sent."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.support.mjpeg_client import EndOfStream, MjpegClient, ProtocolViolation
from tests.support.processes import wait_until
from tests.support.streams import assert_never_back, assert_telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.multipart import Part

__all__ = ["Witness"]


class Witness:
    """One stream, watched by a thread of its own; a context manager, which fails for what it saw.

    Args:
        url: Of the stream.
        check: Of every part that is online; fails for a wrong picture.
        epochs_rise: False where the wall clock, which names them, is set back.

    Attributes:
        frames: Parts that showed a frame, all of them checked.
        blanks: Parts that showed none.
        newest: The last part.
        ended: Why the stream ended; None while it goes on.
    """

    def __init__(
        self,
        url: str,
        check: Callable[[Part], None] = assert_telling,
        *,
        epochs_rise: bool = True,
    ) -> None:
        self.frames = 0
        self.blanks = 0
        self.newest: Part | None = None
        self.ended: Exception | None = None
        self.wrong: list[str] = []
        self.times_s: list[tuple[float, bool]] = []
        self._check = check
        self._epochs_rise = epochs_rise
        self._leaving = False
        self._client = MjpegClient(url, timeout_s=30.0)
        self._thread = threading.Thread(target=self._watch)

    def wait_frames(self, count: int, what: str = "", timeout_s: float = 30.0) -> None:
        """Wait until it has seen so many more frames."""
        wanted = self.frames + count
        wait_until(lambda: self._holds(self.frames >= wanted), f"frames {what}", timeout_s)

    def wait_blank(self, timeout_s: float = 30.0) -> None:
        """Wait until it sees a blank, from now on."""
        wanted = self.blanks + 1
        wait_until(lambda: self._holds(self.blanks >= wanted), "a blank", timeout_s)

    def wait_epoch_after(self, epoch: int, timeout_s: float = 30.0) -> None:
        """Wait for a frame of a later epoch."""

        def newer() -> bool:
            part = self.newest
            return self._holds(part is not None and part.online and part.epoch > epoch)

        wait_until(newer, f"a frame of an epoch after {epoch}", timeout_s)

    @property
    def epoch(self) -> int:
        """Of the newest part."""
        assert self.newest is not None
        return self.newest.epoch

    def longest_silence_s(self) -> float:
        """The longest time between two parts of any kind."""
        moments = [at for at, _ in self.times_s]
        return max((b - a for a, b in itertools.pairwise(moments)), default=0.0)

    def longest_outage_s(self) -> float:
        """The longest time between two frames."""
        moments = [at for at, online in self.times_s if online]
        return max((b - a for a, b in itertools.pairwise(moments)), default=0.0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._leaving = True
        with contextlib.suppress(OSError):  # it may have ended by itself
            self._client.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(30.0)
        self._client.close()
        print(  # noqa: T201 - shown on failure, and where durations are wanted
            f"{self.frames} frames checked, {len(self.wrong)} wrong, {self.blanks} blanks; longest "
            f"silence {self.longest_silence_s():.2f} s, outage {self.longest_outage_s():.2f} s"
        )
        if kind is None:
            assert not self.wrong, "\n".join(self.wrong[:5])
            assert self.ended is None, self.ended

    def _holds(self, condition: bool) -> bool:  # noqa: FBT001 - a predicate's own
        assert self.ended is None, f"the stream ended: {self.ended}"
        return condition

    def _watch(self) -> None:
        previous: Part | None = None
        try:
            for part in self._client.parts():
                self._look_at(part, previous)
                self.newest = previous = part
        except (EndOfStream, ProtocolViolation, OSError) as error:
            if not self._leaving:
                self.ended = error

    def _look_at(self, part: Part, previous: Part | None) -> None:
        self.times_s.append((time.monotonic(), part.online))
        try:
            if previous is not None and (self._epochs_rise or previous.epoch == part.epoch):
                assert_never_back([previous, part])
            if part.online:
                self._check(part)
        except AssertionError as error:
            line = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(line.filename).name}:{line.lineno} {line.line}"
            self.wrong.append(f"part {self.frames + self.blanks}: {part.headers}: {where} {error}")
        self.frames += part.online
        self.blanks += not part.online
