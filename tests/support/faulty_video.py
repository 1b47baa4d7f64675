"""``python -m tests.support.faulty_video``: the real Video Module, failing where a test says.

The product holds no fault points. This program puts them in, by the names ``Doom`` has for them,
and then runs ``services.video`` as it is. Variables, all optional::

    FAULT_POINT   kill -9 here, one of Doom.IN_FRAME or Doom.IN_CREATE
    FAULT_WHEN    "start": with the first frame; "signal" (the default): the next after SIGUSR1
    FAULT_GROWS   pictures are larger from that frame on, so that a segment has to be made
    FAULT_SIZES   a seed: pictures of another random size every fifth frame
    FAULT_HANG    "open", "grab" or "retrieve" of the source, or "capture", the grab of OpenCV's
                  capture, never returns; from FAULT_WHEN on
"""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import cv2

import services.video.__main__ as program
from services.video.sources.pattern import PatternSource, PatternSpec, parse_pattern
from shared.frame import Geometry, PixelFormat
from shared.frame_code import FrameCode, draw_code
from shared.ring.writer import RingWriter
from tests.shared.ring.actors import Doom

if TYPE_CHECKING:
    from services.video.sources import Grab, Source, Wait
    from shared.ring.writer import Slot
    from shared.settings_schema import VideoSettings

__all__ = ["GROWN", "SIZES"]

GROWN: Final = (800, 600)
SIZES: Final = ((320, 240), (640, 360), (333, 251), (1280, 720), (480, 640), (854, 480), (322, 244))
_EVERY: Final = 5


class _Faults:
    """What is to go wrong in this process, and whether it is time."""

    def __init__(self) -> None:
        self.point = os.environ.get("FAULT_POINT", "never")
        self.grows = "FAULT_GROWS" in os.environ
        self.hang = os.environ.get("FAULT_HANG", "")
        self.sizes = os.environ.get("FAULT_SIZES")
        self.due = os.environ.get("FAULT_WHEN") == "start"
        self.doom: Doom | None = None
        signal.signal(signal.SIGUSR1, self._now)

    def _now(self, *_: object) -> None:
        self.due = True

    def hang_in(self, call: str) -> None:
        """Never come back, if it is time for that."""
        if self.due and self.hang == call:
            threading.Event().wait()


class _FaultyCapture:
    """``cv2.VideoCapture``, whose grab hangs as in a driver when it is told to."""

    def __init__(self, real: Any, faults: _Faults) -> None:  # noqa: ANN401 - OpenCV's
        self._real = real
        self._faults = faults

    def grab(self) -> bool:
        self._faults.hang_in("capture")
        return bool(self._real.grab())

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - OpenCV's
        return getattr(self._real, name)


class _FaultyPattern(PatternSource):
    """The test pattern, with telling codes, that changes its size and hangs when it is told to."""

    def __init__(self, spec: PatternSpec, wait: Wait, faults: _Faults) -> None:
        super().__init__(spec, wait)
        self._faults = faults
        self._random = None if faults.sizes is None else random.Random(faults.sizes)  # noqa: S311
        self._count = 0

    def open(self) -> None:
        self._faults.hang_in("open")
        super().open()

    def grab(self) -> Grab:
        self._faults.hang_in("grab")
        grab = super().grab()
        if self._random is not None and self._count % _EVERY == 0:
            self._geometry = Geometry(*self._random.choice(SIZES), PixelFormat.BGR24)
        elif self._faults.grows and self._faults.due:
            self._geometry = Geometry(*GROWN, PixelFormat.BGR24)
        self._count += 1
        return dataclasses.replace(grab, geometry=self._geometry)

    def retrieve(self, slot: Slot) -> Geometry:
        self._faults.hang_in("retrieve")
        if self._faults.doom is not None:
            self._faults.doom.draw(slot)  # dies in the middle, where that is the point
        slot.image[:] = slot.sequence % 251
        wall_us = time.time_ns() // 1000
        draw_code(slot.image, FrameCode(slot.sequence % 2**32, wall_us))
        return self._geometry


def main() -> None:
    """Put the faults in and run the Video Module."""
    faults = _Faults()
    begin = RingWriter.begin

    def doomed_begin(self: RingWriter, geometry: Geometry, size_bytes: int | None = None) -> Slot:
        if faults.due and faults.doom is None and faults.point != "never":
            faults.doom = Doom(faults.point)
            faults.doom.arm()
        return begin(self, geometry, size_bytes)

    def open_source(settings: VideoSettings, wait: Wait) -> Source:
        return _FaultyPattern(parse_pattern(settings.source), wait, faults)

    setattr(RingWriter, "begin", doomed_begin)  # noqa: B010 - for mypy it cannot be assigned
    if faults.hang == "capture":
        real = cv2.VideoCapture
        cv2.VideoCapture = lambda: _FaultyCapture(real(), faults)  # type: ignore[assignment, misc]
    else:
        setattr(program, "open_source", open_source)  # noqa: B010 - and this is not the program's own
    program.leave(program.main(sys.argv[1:]))


if __name__ == "__main__":
    main()
