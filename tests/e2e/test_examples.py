"""The programs in examples/ and the README's vision module, run as their reader would."""

from __future__ import annotations

import re
import select
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.naming import segment_paths
from shared.ring.writer import RingWriter

pytestmark = [pytest.mark.process, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
DETECTOR = ROOT / "examples" / "motion_detector.py"


def watch(segment_name: str, moves_after: int, *, jpeg: bool = False) -> str:
    """Run the detector on a gray wall, before which a block jumps about in the end; its output."""
    geometry = Geometry(320, 180, PixelFormat.JPEG if jpeg else PixelFormat.BGR24)
    image = np.empty((180, 320, 3), np.uint8)
    with RingWriter(segment_paths(segment_name), label="a gray wall") as writer:
        command = [sys.executable, "-u", str(DETECTOR), segment_name, "--frames", "40"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as detector:
            number = 0
            while detector.poll() is None:
                # The detector waits for notifications or looks at head four times a second; each
                # of its frames sees the wall for a while, then a white block that jumps about.
                image[:] = 90
                if number > moves_after:
                    left = number % 7 * 40
                    image[40:140, left : left + 40] = 255
                slot = writer.begin(geometry, 50_000 if jpeg else None)
                payload = cv2.imencode(".jpg", image)[1].reshape(-1) if jpeg else image.reshape(-1)
                slot.payload[: payload.size] = payload
                now = MonotonicNs(time.monotonic_ns())
                writer.commit(slot, now, size_bytes=payload.size)
                number += 1
                try:
                    detector.wait(0.01)
                except subprocess.TimeoutExpired:
                    continue
            printed = detector.stdout.read() if detector.stdout is not None else ""
    assert detector.returncode == 0
    assert "watching a gray wall" in printed
    assert "frames dropped: " in printed
    return printed


@pytest.mark.parametrize("jpeg", [False, True])
def test_motion_detector_says_when_something_begins_to_move(
    segment_name: str,
    jpeg: bool,  # noqa: FBT001 - a parameter
) -> None:
    assert ": motion (" in watch(segment_name, moves_after=400, jpeg=jpeg)


def test_motion_detector_says_nothing_of_a_still_picture(segment_name: str) -> None:
    assert "motion (" not in watch(segment_name, moves_after=10**9)


def test_motion_detector_names_the_start_command_when_nothing_runs() -> None:
    command = [sys.executable, str(DETECTOR), "no_such_camera"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert result.returncode == 1
    assert "Start it with: python -m services.video" in result.stderr


def readme_vision_module() -> str:
    """The README's program, but for the name of the camera."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (program,) = (block for block in blocks if "VideoConsumer" in block)
    return f"import sys\n{program.replace('VideoConsumer()', 'VideoConsumer(sys.argv[1])')}"


@pytest.mark.parametrize("jpeg", [False, True])
def test_vision_module_of_the_readme_gets_pixels_of_raw_frames_and_of_jpegs(
    segment_name: str,
    tmp_path: Path,
    jpeg: bool,  # noqa: FBT001 - a parameter
) -> None:
    (tmp_path / "ringcast").symlink_to(ROOT / "shared")  # as if it were installed
    geometry = Geometry(320, 180, PixelFormat.JPEG if jpeg else PixelFormat.BGR24)
    image = np.full((180, 320, 3), 90, np.uint8)
    payload = cv2.imencode(".jpg", image)[1].reshape(-1) if jpeg else image.reshape(-1)
    command = [sys.executable, "-u", "-c", readme_vision_module(), segment_name]
    with (
        RingWriter(segment_paths(segment_name), label="a gray wall") as writer,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as module,
    ):
        assert module.stdout is not None
        for _ in range(3000):
            slot = writer.begin(geometry, payload.size if jpeg else None)
            slot.payload[: payload.size] = payload
            writer.commit(slot, MonotonicNs(time.monotonic_ns()), size_bytes=payload.size)
            if select.select([module.stdout], [], [], 0.01)[0]:
                break
        _, brightness = module.stdout.readline().split()
        module.terminate()
    assert 88 < float(brightness) < 92
