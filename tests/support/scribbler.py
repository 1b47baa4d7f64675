"""Writes noise into frames of a ring, as whoever has the writer's rights can: another process.

``python -m tests.support.scribbler RING SHARE``: waits for each new frame, and writes over the
beginning of the payload of a part of them, where a frame of the test pattern has its number. Runs
until it is ended, and says "!" for each frame it has damaged.
"""

from __future__ import annotations

import mmap
import struct
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from shared.ring.layout import HEADER_READ_BYTES, SegmentHeader, Word
from tests.support.processes import Child

if TYPE_CHECKING:
    from tests.support.processes import Services

__all__ = ["Scribbler"]

_SIZE_AT: Final = 48
_NOISE_SHARE: Final = 25


class Scribbler(Child):
    """One such process, for a ``with`` block.

    Args:
        service: For its log.
        ring: What it damages.
        share: Which part of the frames, 0.0 to 1.0.

    Attributes:
        damaged: Frames it has damaged; known once the block is over.
    """

    def __init__(self, service: Services, ring: Path, share: float) -> None:
        command = [sys.executable, "-m", "tests.support.scribbler", str(ring), str(share)]
        super().__init__(command, service.environment({}), service.log("scribbler"))
        service.children.append(self)
        self.damaged = 0

    def __enter__(self) -> Self:
        self.wait_for_log("scribbling")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
        self.damaged = self.said().count("!")


def _main(ring: Path, share: float) -> None:
    chance = np.random.default_rng()
    with ring.open("r+b", buffering=0) as file:
        header = SegmentHeader.unpack(file.read(HEADER_READ_BYTES))
        memory = mmap.mmap(file.fileno(), header.total_bytes)
    words = memoryview(memory).cast("Q")
    pause = threading.Event()
    last = words[Word.HEAD]
    print("scribbling", flush=True)  # noqa: T201 - its log is read
    while True:
        head = words[Word.HEAD]
        if head == last:
            pause.wait(0.0002)
            continue
        last = head
        if chance.random() < share:
            field = header.slot_word(head) * 8 + _SIZE_AT
            (size,) = struct.unpack_from("<Q", memory, field)
            start, length = header.payload_at(head), max(1, size // _NOISE_SHARE)
            memory[start : start + length] = chance.bytes(length)
            print("!", end="", flush=True)  # noqa: T201


if __name__ == "__main__":
    _main(Path(sys.argv[1]), float(sys.argv[2]))
