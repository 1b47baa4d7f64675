"""A Video Module as a child process, and somebody who watches its ring."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import pytest

from shared.errors import RingcastError
from shared.frame import PixelFormat
from shared.pixels import pixels
from shared.ring.reader import RingReader

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths

__all__ = ["VideoProcess", "Watcher", "wait_for"]

ROOT: Final = Path(__file__).resolve().parents[2]
Found = TypeVar("Found")


def wait_for(look: Callable[[], Found | None], what: str, timeout_s: float = 10.0) -> Found:
    """Look again and again until there is something; fails after ``timeout_s`` seconds."""
    give_up_s = time.monotonic() + timeout_s
    breath = threading.Event()  # never set: the cores are for what is waited for
    while time.monotonic() < give_up_s:
        found = look()
        if found:
            return found
        breath.wait(0.005)
    pytest.fail(f"no {what} in {timeout_s} s")


class Watcher:
    """Reads a camera's newest frames like an API worker, re-attaching when the ring is renewed."""

    def __init__(self, paths: SegmentPaths) -> None:
        self._paths = paths
        self._reader: RingReader | None = None

    def newest(self) -> tuple[FrameInfo, NDArray[np.uint8]] | None:
        """Copy the newest whole frame, a JPEG as its pixels; None while there is none."""
        try:
            if self._reader is None or not self._reader.live:
                self.close()
                self._reader = RingReader.open(self._paths)
            if self._reader.head == 0:
                return None
            with self._reader.view(self._reader.head) as view:
                if view.info.geometry.pixel_format is PixelFormat.JPEG:
                    return view.info, pixels(view)
                return view.info, view.copy()
        except RingcastError:
            return None

    def wait(
        self, wanted: Callable[[FrameInfo], bool], what: str, timeout_s: float = 10.0
    ) -> tuple[FrameInfo, NDArray[np.uint8]]:
        """Wait for a frame whose information is as wanted."""

        def look() -> tuple[FrameInfo, NDArray[np.uint8]] | None:
            frame = self.newest()
            return frame if frame is not None and wanted(frame[0]) else None

        return wait_for(look, what, timeout_s)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class VideoProcess:
    """A Video Module as a child process, with its log in a file."""

    def __init__(self, directory: Path, log_path: Path, arguments: tuple[str, ...]) -> None:
        self._log_path = log_path
        command = (
            sys.executable,
            "-m",
            "services.video",
            f"--video.shared_memory_directory={directory}",
            "--video.ring.reserve_mb=0",
            *arguments,
        )
        with log_path.open("wb") as log:
            self.popen = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=log)

    @property
    def log(self) -> str:
        return self._log_path.read_text(encoding="utf-8")

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; returns the exit code, and how many seconds the end took."""
        started_s = time.monotonic()
        self.popen.send_signal(number)
        code = self.popen.wait(timeout=10)
        return code, time.monotonic() - started_s

    def close(self) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait(timeout=5)
        if self.popen.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.popen.stdin.close()
