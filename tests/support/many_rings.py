"""Many cameras of one small process: their rings, without doorbells, all with the same picture.

::

    python -m tests.support.many_rings FRAMES_PER_SECOND SEGMENT [SEGMENT …]
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time

import numpy as np

from services.video.sources.scene import Scene
from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.frame_code import FrameCode, draw_code
from shared.naming import segment_paths
from shared.ring.writer import RingWriter

GEOMETRY = Geometry(320, 240, PixelFormat.BGR24)


def write(fps: float, segments: list[str], over: threading.Event) -> None:
    """Write frame after frame into all rings until ``over`` is set."""
    image = np.zeros(GEOMETRY.shape, np.uint8)
    scene = Scene(GEOMETRY.width, GEOMETRY.height, "one of many")
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(RingWriter(segment_paths(segment), slots=4, label="many"))
            for segment in segments
        ]
        number = 0
        while not over.wait(1 / fps):
            number += 1
            wall_ns = time.time_ns()
            scene.draw(image, number, wall_ns, number / fps)
            draw_code(image, FrameCode(number, wall_ns // 1000))
            for writer in writers:
                slot = writer.begin(GEOMETRY)
                slot.image[:] = image
                writer.commit(slot, MonotonicNs(time.monotonic_ns()))


def main() -> None:
    """Write until SIGTERM."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    write(float(sys.argv[1]), sys.argv[2:], over)


if __name__ == "__main__":
    main()
