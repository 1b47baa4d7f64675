"""The mosaics of one worker: one for each that is asked for, and not too many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool

from services.api.advice import Advice
from services.api.led_ring import has_leader, sweep
from services.api.machine import default_encoder_threads
from services.api.mosaic.composer import Composer
from services.api.mosaic.running import RunningMosaic
from shared.errors import ProtocolError, RingUnavailable
from shared.naming import is_mosaic, mosaics_left
from shared.ring.reader import RingReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.api.camera import Camera
    from services.api.cameras import Cameras
    from services.api.mosaic.wish import Mosaic
    from shared.naming import SegmentPaths

__all__ = ["Mosaics", "TooManyMosaics"]

_ADVICE: Final = Advice(
    gone="No worker composes this mosaic. One does within a second; if this lasts, the API's log "
    "says why.",
    stalled="The worker that composes this mosaic hangs; it is replaced soon.",
)

_HANDOVER_S: Final = 1.0
"""What another worker may take to go on: it tries ten times a second."""


class TooManyMosaics(Exception):  # noqa: N818 - named after the state
    """As many different mosaics are composed as may be.

    Attributes:
        running: Those there are, as query strings.
    """

    def __init__(self, asked: Mosaic, most: int, running: list[str]) -> None:
        super().__init__(
            f"?{asked.query} is one mosaic too many: {most} are composed already, as many as "
            "api.mosaic.max allows. Ask for one of those, or try again later."
        )
        self.running = running


class Mosaics:
    """Opens mosaics over the cameras of a worker.

    Args:
        cameras: Of this worker.

    Attributes:
        turn: Taken while a mosaic begins or ends.
    """

    def __init__(self, cameras: Cameras) -> None:
        self._cameras = cameras
        self._running: dict[str, RunningMosaic] = {}
        self.turn = BoundedSemaphore()
        self._pool: ThreadPool | None = None

    def start(self) -> None:
        """Clear away what killed workers left. Once, in the worker process."""
        directory = self._cameras.settings.video.shared_memory_directory
        sweep(_left(directory))

    def stop(self) -> None:
        """End all; again is harmless."""
        for running in tuple(self._running.values()):
            running.stop()

    def ask(self, mosaic: Mosaic) -> Camera:
        """The camera that shows a mosaic, for somebody who is about to wait for its frames.

        Whoever would be first leads first and counts afterwards: of two workers that open the last
        one at the same time both may refuse, but never are there too many.

        Raises:
            TooManyMosaics: As many others are composed as may be.
        """
        name = mosaic.paths.name
        with self.turn:
            running = self._running.get(name)
            if running is None:
                running = self._made(mosaic)
                if running.composer.try_to_lead():
                    self._check(mosaic, running.composer)
                self._running[name] = running
            return running.ask()

    def status(self, mosaic: Mosaic) -> dict[str, Any]:
        """What is known of a mosaic that was asked for, beside what is of every camera."""
        return self._running[mosaic.paths.name].status()

    def open_camera(self, mosaic: Mosaic) -> Camera:
        """Begin to follow a mosaic's ring, as a camera that no list tells of."""
        camera = self._cameras.open(mosaic.paths.name, mosaic.paths, _ADVICE, listed=False)
        camera.handover_s = _HANDOVER_S
        return camera

    def close_camera(self, camera: Camera) -> None:
        """End that."""
        self._cameras.close(camera)

    def forget(self, running: RunningMosaic) -> None:
        """It has ended; again is harmless."""
        name = running.mosaic.paths.name
        if self._running.get(name) is running:
            del self._running[name]

    def _check(self, mosaic: Mosaic, composer: Composer) -> None:
        most = self._cameras.settings.api.mosaic.max
        left = [paths for paths in _left(mosaic.paths.directory) if is_mosaic(paths.name)]
        led = [paths for paths in left if paths != mosaic.paths and has_leader(paths)]
        if len(led) >= most:
            composer.close()
            raise TooManyMosaics(mosaic, most, [_label(paths) for paths in led])

    def _made(self, mosaic: Mosaic) -> RunningMosaic:
        ring = self._cameras.settings.video.ring
        composer = Composer(
            mosaic, self._in_thread, ring.reserve_mb * 2**20, checksums=ring.checksums
        )
        return RunningMosaic(mosaic, composer, self)

    def _in_thread(self, task: Callable[[], bool]) -> bool:
        if self._pool is None:
            self._pool = ThreadPool(default_encoder_threads())
        done: bool = self._pool.apply(task)
        return done


def _left(directory: Path) -> list[SegmentPaths]:
    try:
        return mosaics_left(directory)
    except OSError:
        return []  # no such directory, or not for us: then there is nothing of ours in it


def _label(paths: SegmentPaths) -> str:
    """The query that asks for a mosaic; its name where there is no frame of it yet."""
    try:
        reader = RingReader.open(paths)
    except (ProtocolError, RingUnavailable):
        return paths.name
    try:
        return reader.label
    finally:
        reader.close()
