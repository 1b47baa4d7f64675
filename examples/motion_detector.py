"""Says when something moves in front of a camera: a vision module in thirty lines.

Start the Video Module (``make run`` or ``docker compose up``), then::

    python examples/motion_detector.py                 # the camera "billiards_video", until Ctrl-C
    python examples/motion_detector.py door_ring --frames 300

It needs ringcast with OpenCV (``pip install '.[opencv]'``); from a checkout it runs as it stands.
Pixels are read in place, in shared memory, and the only copy made here is the small gray picture. A
camera whose JPEGs are passed through is decoded first; ``video.passthrough=false`` has the Video
Module do that once for all.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

import cv2

try:
    from ringcast.consumer import VideoConsumer, VideoModuleNotAvailableError
    from ringcast.errors import EncodeError, FrameOverwritten
    from ringcast.pixels import pixels
except ModuleNotFoundError:  # not installed: use the checkout this file lies in
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from shared.consumer import VideoConsumer, VideoModuleNotAvailableError
    from shared.errors import EncodeError, FrameOverwritten
    from shared.pixels import pixels

LEARNING_FRAMES = 10
"""Everything is new in the first picture; these only teach what the place looks like."""


def main() -> int:
    """Print a line when the part of the picture that changed crosses the threshold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="billiards_video", help="shared memory name")
    parser.add_argument("--threshold", type=float, default=2.0, help="changed pixels, percent")
    parser.add_argument("--frames", type=int, help="stop after so many frames")
    options = parser.parse_args()

    subtractor = cv2.createBackgroundSubtractorMOG2(history=120, detectShadows=False)
    moving, learned = False, 0
    try:
        with VideoConsumer(options.name) as consumer:
            print(f"watching {consumer.source}")
            for frame in itertools.islice(consumer, options.frames):
                info = frame.info
                if not info.online:
                    continue
                try:
                    small = cv2.resize(pixels(frame), (320, 180), interpolation=cv2.INTER_NEAREST)
                    frame.check()
                except (FrameOverwritten, EncodeError):  # not one picture, or a damaged one
                    continue
                gray = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
                changed = 100 * cv2.countNonZero(subtractor.apply(gray)) / gray.size
                learned += 1
                if learned <= LEARNING_FRAMES:
                    continue
                if (changed > options.threshold) is not moving:
                    moving = not moving
                    word = "motion" if moving else "still"
                    print(f"frame {info.sequence}: {word} ({changed:.1f} % changed)", flush=True)
            print(f"frames dropped: {consumer.dropped}")
    except VideoModuleNotAvailableError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(0)
