"""All cameras of one worker process, and which one a URL means.

Those of the settings are there from the start to the end; others come and go meanwhile.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from services.api.advice import EMBEDDED, advice_for
from services.api.camera import Camera
from services.api.discovery import Discovery
from services.api.embedded import EmbeddedCapture
from services.api.encoder import Encoder
from services.api.ledger import LEGACY, Ledger
from services.api.lifecycle import Lifecycle
from services.api.lifespan import Lifespan
from services.api.machine import default_encoder_threads
from services.api.mosaic.mosaics import Mosaics
from services.api.pulse import Pulse
from services.api.roster import Roster, UnknownCamera
from services.api.seat import TooManyStreams
from services.api.workers import Workers
from shared.naming import segment_paths

if TYPE_CHECKING:
    from pathlib import Path

    from services.api.advice import Advice
    from services.api.ledger import Place
    from services.api.lifecycle import Worker
    from services.api.seat import Seat
    from shared.naming import SegmentPaths
    from shared.settings import Settings

__all__ = ["Cameras", "UnknownCamera"]

log = logging.getLogger(__name__)


class Cameras:
    """The cameras of this worker.

    In legacy mode (``Settings.legacy``) the camera is captured by a process of our own;
    ``/stream/video/shm`` still means the Video Module's ring.

    Args:
        settings: All of them.
        lifecycle: Of this worker.

    Attributes:
        settings: All of them.
        lifecycle: Of this worker.
        shared: The default camera in the Video Module's ring.
        legacy: The default camera as captured by ourselves; None in shared memory mode.
        mosaics: Several of them in one picture.
    """

    def __init__(self, settings: Settings, lifecycle: Lifecycle | None = None) -> None:
        self.settings = settings
        self.lifecycle = lifecycle or Lifecycle(spread_s=settings.api.drain_spread_sec)
        threads = settings.api.stream.performance.encoder_threads
        self._encoder = Encoder(threads or default_encoder_threads())
        self._running = False
        self._workers: Workers | None = None
        self._pulse = Pulse(self._publish)
        self.mosaics = Mosaics(self)
        configured = {
            name: self._camera(
                name, segment_paths(segment, self._directory), advice_for(settings, name)
            )
            for name, segment in settings.camera_segments().items()
        }
        default, self.shared = next(iter(configured.items()))
        self.legacy: Camera | None = None
        self._capture: EmbeddedCapture | None = None
        if settings.legacy:
            self._capture = EmbeddedCapture(settings, self.lifecycle.draining)
            paths = segment_paths(self._capture.segment, self._directory)
            self.legacy = configured[default] = self._camera(default, paths, EMBEDDED)
        self._roster = Roster(configured)
        self._discovery: Discovery | None = None
        if settings.api.discover_cameras:
            segments = {camera.paths.name for camera in self._all()}
            grace_s = settings.api.stream.video_loss_grace_sec
            self._discovery = Discovery(self, self._directory, segments, grace_s)

    def start(self, worker: Worker, place: Place | None = None) -> None:
        """Follow every camera; in legacy mode, capture. Once, in the worker process.

        Args:
            worker: Whose end is to be noticed.
            place: In the ledger of all workers; None: this one is alone.
        """
        self.lifecycle.attend(worker)
        self._workers = self._among(place) if place is not None else None
        self._running = True
        self._pulse.start()
        self.mosaics.start()
        for camera in self._all():
            camera.start()
            if self._awaited(camera) and not camera.online():
                log.warning("%s: %s (%s)", camera.name, camera.advice(), camera.why())
        if self._discovery is not None:
            self._discovery.start()
        if self._capture is not None:
            log.info("Using legacy streaming mode for /stream/%s", self.default().name)
            self._capture.start(self.default())
        else:
            log.info("Using shared memory streaming mode for /stream/%s", self.default().name)

    def open(self, name: str, paths: SegmentPaths, advice: Advice, *, listed: bool) -> Camera:
        """Add a camera, and follow it if this worker runs; until ``close``.

        Args:
            name: As in the URL, at most 127 bytes; for who is not listed, as among workers.
            paths: Its files; there need not be a ring yet.
            advice: What to do about whoever should write the ring.
            listed: Whether it has a URL, and lists and numbers tell of it; else only who opened it
                has it.

        Raises:
            ValueError: There is a camera of this name.
        """
        if name in self._roster:
            raise ValueError(f"there is a camera {name!r} already")
        camera = self._camera(name, paths, advice)
        if self._workers is not None:
            self._workers.open(name, camera, listed=listed)
        self._roster.add(camera, listed=listed)
        if self._running:
            camera.start()
        return camera

    def close(self, camera: Camera) -> None:
        """Let go of a camera that was opened: its streams end. What was counted is kept.

        Raises:
            KeyError: It was not opened, or was closed already.
        """
        self._roster.remove(camera)
        if self._workers is not None:
            self._workers.close(camera.name)
        self._encoder.forget(camera.paths.name)
        camera.stop()  # others have a turn meanwhile, and may open it anew

    def stop(self) -> None:
        """Let everything go; again is harmless."""
        self._running = False
        if self._discovery is not None:
            self._discovery.stop()
        self._pulse.stop()
        self.mosaics.stop()
        self.workers.publish()
        if self._capture is not None:
            self._capture.stop()
        for camera in self._all():
            camera.stop()

    def _all(self) -> list[Camera]:
        """Every camera once, in order; in legacy mode the Video Module's too."""
        return list(dict.fromkeys([*self._roster.all(), self.shared]))

    def _awaited(self, camera: Camera) -> bool:
        """Whether somebody else has to start a camera's Video Module."""
        return self.legacy is None or camera not in {self.legacy, self.shared}

    def names(self) -> list[str]:
        """Every camera there is now, the default one first."""
        return self._roster.names()

    def named(self, name: str) -> Camera:
        """The camera a URL means.

        Raises:
            UnknownCamera: There is none of that name now.
        """
        if self._discovery is not None and name not in self._roster:
            self._discovery.find(name)  # it may have come since the last look
        return self._roster.named(name)

    def default(self) -> Camera:
        """The first camera of the settings."""
        return self._roster.default

    def admit(self, camera: Camera, address: str) -> Seat:
        """Let one more client stream a camera.

        Args:
            camera: Which one.
            address: Of the client.

        Raises:
            TooManyStreams: As many are open as ``api.limits`` allows.
        """
        try:
            return self.workers.place.admit(self.sheet(camera), address, self.settings.api.limits)
        except TooManyStreams:
            camera.counters.turned_away += 1
            raise

    def lifespan(self, name: str) -> Lifespan:
        """How long a stream may last that begins now.

        Args:
            name: Hexadecimal digits by chance.
        """
        return Lifespan(name, self.lifecycle.turn, self.settings.api.limits.max_stream_age_sec)

    def status(self, camera: Camera) -> dict[str, Any]:
        """Everything known about a camera, what all workers know together among it."""
        self.workers.publish()  # what was shown once is not forgotten when this worker is killed
        return {
            **camera.status(),
            **self.workers.totals(self.sheet(camera)),
            "hub_late_ms": self._pulse.lateness.summary(),
            "mode": "legacy" if camera is self.legacy else "shared memory",
        }

    def clients(self, camera: Camera) -> list[dict[str, Any]]:
        """Clients of a camera in all workers, with what only admins may see: address and key."""
        return self.workers.clients(self.sheet(camera))

    @property
    def workers(self) -> Workers:
        """This worker among all; where nobody has given us a place we are alone."""
        if self._workers is None:
            self._workers = self._among(Ledger().take())
        return self._workers

    def sheet(self, camera: Camera) -> str:
        """What a camera is called among all workers."""
        return LEGACY if camera is self.legacy else camera.name

    def _publish(self) -> None:
        self.workers.publish_list()

    def _among(self, place: Place) -> Workers:
        workers = Workers(place, self._pulse.lateness)
        for camera in self._all():
            workers.open(self.sheet(camera), camera, listed=self._roster.lists(camera))
        return workers

    @property
    def _directory(self) -> Path:
        return self.settings.video.shared_memory_directory

    def _camera(self, name: str, paths: SegmentPaths, advice: Advice) -> Camera:
        named = name in self.settings.camera_segments()
        own = self.settings.for_camera(name) if named else self.settings
        return Camera(name, paths, own, self._encoder, self.lifecycle.draining, advice)
