"""Legacy mode: no Video Module runs, so the API starts the capture itself, as its child.

The child is the Video Module's own program on a segment of its own; after that everything is as in
shared memory mode. It ends when its standard input does, so it never outlives this worker, however
that dies. With several workers each would start one: the writer's lock lets one live, the others
exit, and whoever finds no living writer starts anew.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.settings import Settings

__all__ = ["EmbeddedCapture"]

log = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
_RESTART_S: Final = 3.0
_END_S: Final = 3.0
_ROOT: Final = Path(__file__).resolve().parents[2]


class EmbeddedCapture:
    """Keeps one capturing child alive while it is needed.

    Args:
        settings: All of them; the child reads the same file and environment.

    Attributes:
        segment: Name of the segment the child writes.
    """

    def __init__(self, settings: Settings) -> None:
        self.segment = f"{settings.video.shared_memory_name}_legacy"
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, needed: Callable[[], bool]) -> None:
        """Begin to keep a child alive, in a greenlet (a thread, patched by gevent).

        Args:
            needed: Says whether nobody writes the segment.
        """
        self._thread = threading.Thread(
            target=self._keep_alive, args=(needed,), name="embedded-capture", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the child and wait for it, a few seconds at most; again is harmless."""
        self._stopping.set()
        child, self._child = self._child, None
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        try:
            child.wait(_END_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _keep_alive(self, needed: Callable[[], bool]) -> None:
        pause_s = _LOOK_S
        while not self._stopping.is_set():
            if needed() and (self._child is None or self._child.poll() is not None):
                if self._child is not None:
                    log.warning("the embedded capture ended with %s", self._child.returncode)
                self._launch()
                pause_s = _RESTART_S
            self._stopping.wait(pause_s)
            pause_s = _LOOK_S

    def _launch(self) -> None:
        command = [
            sys.executable,
            "-m",
            "services.video",
            "--exit-with-stdin",
            f"--video.shared_memory_name={self.segment}",
        ]
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
        log.info("starting the embedded capture on segment %s", self.segment)
        self._child = subprocess.Popen(  # noqa: S603 - our own program, our own arguments
            command, stdin=subprocess.PIPE, cwd=_ROOT
        )
