"""Legacy mode: no Video Module runs, so the API starts the capture itself, as its child.

The child is the Video Module's own program on a segment of its own; after that everything is as in
shared memory mode. It ends when its standard input does, so it never outlives this worker, however
that dies. Several workers take turns: who has the turn looks whether anybody writes, and keeps it
until its child does, so one captures and the others find it writing.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from shared.errors import RingUnavailable
from shared.naming import segment_paths
from shared.ring.attachment import Condition
from shared.ring.lock import WriterProbe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.naming import SegmentPaths
    from shared.settings import Settings

__all__ = ["EmbeddedCapture"]

log = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
_RESTART_S: Final = 3.0
_BEGIN_S: Final = 10.0
"""How long a child may take to begin; then another worker may try."""
_HUNG_S: Final = 3.0
"""A child that hangs for so long is killed; it counts as hanging after two silent seconds."""
_END_S: Final = 3.0
_ROOT: Final = Path(__file__).resolve().parents[2]


class Followed(Protocol):
    """The part of a camera that matters here: how the writer of the child's segment fares."""

    def condition(self) -> Condition:
        """As of the last look."""
        ...

    def lost_for_s(self) -> float:
        """For how long it has not been LIVE."""
        ...


class EmbeddedCapture:
    """Keeps one capturing child alive while it is needed.

    Args:
        settings: All of them; the child reads the same file and environment.
        draining: Says whether the worker is shutting down: nothing is started then.

    Attributes:
        segment: Name of the segment the child writes.
    """

    def __init__(self, settings: Settings, draining: Callable[[], bool] = lambda: False) -> None:
        self._paths = _own_segment(
            settings.video.shared_memory_name, settings.video.shared_memory_directory
        )
        self.segment = self._paths.name
        self._draining = draining
        self._child: subprocess.Popen[bytes] | None = None
        self._launched_at = float("-inf")
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, camera: Followed) -> None:
        """Begin to keep a child alive, in a greenlet (a thread, patched by gevent).

        Args:
            camera: The one that shows what the child captures.
        """
        self._thread = threading.Thread(
            target=self._keep_alive, args=(camera,), name="embedded-capture", daemon=True
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

    def _keep_alive(self, camera: Followed) -> None:
        while not self._over():
            self._keep_alive_once(camera)
            self._stopping.wait(_LOOK_S)

    def _keep_alive_once(self, camera: Followed) -> None:
        self._look_after_child(camera)
        resting = time.monotonic() < self._launched_at + _RESTART_S
        if self._child is not None or resting or self._written():
            return
        with _turn(self._paths) as ours:
            if ours and not self._written() and not self._over():
                self._launch()
                self._wait_for_beginning()

    def _over(self) -> bool:
        return self._stopping.is_set() or self._draining()

    def _look_after_child(self, camera: Followed) -> None:
        """Kill a child that hangs, forget one that has ended."""
        child = self._child
        if child is None:
            return
        if camera.condition() is Condition.STALLED and camera.lost_for_s() >= _HUNG_S:
            log.warning("the embedded capture hangs: killing process %d", child.pid)
            child.kill()
            child.wait()
        if child.poll() is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        self._child = None
        if self._written():
            log.info("the embedded capture is not needed: another process writes %s", self.segment)
        else:
            log.warning("the embedded capture ended with %s", child.returncode)

    def _written(self) -> bool:
        """Whether a living process holds the segment's lock."""
        try:
            probe = WriterProbe(self._paths.lock)
        except RingUnavailable:
            return False
        try:
            return probe.writer_lives()
        finally:
            probe.close()

    def _wait_for_beginning(self) -> None:
        deadline = time.monotonic() + _BEGIN_S
        while (
            self._child is not None
            and self._child.poll() is None
            and not self._written()
            and time.monotonic() < deadline
        ):
            self._stopping.wait(_LOOK_S / 10)

    def _launch(self) -> None:
        command = [
            sys.executable,
            "-m",
            "services.video",
            "--exit-with-stdin",
            f"--video.shared_memory_name={self.segment}",
        ]
        log.info("starting the embedded capture on segment %s", self.segment)
        self._launched_at = time.monotonic()
        self._child = subprocess.Popen(  # noqa: S603 - our own program, our own arguments
            command, stdin=subprocess.PIPE, cwd=_ROOT
        )
        if self._stopping.is_set():  # meanwhile, and there was no child yet to be ended
            self.stop()


def _own_segment(name: str, directory: Path) -> SegmentPaths:
    """The child's files: named after the Video Module's, or by a digest if that is too long."""
    try:
        return segment_paths(f"{name}_legacy", directory)
    except ValueError:
        digest = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
        return segment_paths(f"legacy_{digest}", directory)


@contextlib.contextmanager
def _turn(paths: SegmentPaths) -> Iterator[bool]:
    """Take the turn among all workers that would write the same segment; yields whether we have it.

    A name in the kernel that only one socket can have: it leaves no file, and it is free again when
    its owner dies, however it dies. Source: unix(7), abstract sockets.
    """
    digest = hashlib.blake2b(bytes(paths.ring), digest_size=16).hexdigest()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as turn:
        try:
            turn.bind(f"\0ringcast-capture-{digest}")
        except OSError:
            yield False
            return
        yield True
