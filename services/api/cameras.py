"""All cameras of one worker process, and which one a URL means."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from services.api.advice import EMBEDDED, VIDEO_MODULE, further_camera
from services.api.camera import Camera
from services.api.embedded import EmbeddedCapture
from services.api.encoder import Encoder
from services.api.ledger import LEGACY, Ledger
from services.api.lifecycle import Lifecycle
from services.api.lifespan import Lifespan
from services.api.machine import default_encoder_threads
from services.api.pulse import Pulse
from services.api.seat import TooManyStreams
from services.api.workers import Workers
from shared.naming import segment_paths
from shared.settings import DEFAULT_CAMERA

if TYPE_CHECKING:
    from services.api.advice import Advice
    from services.api.ledger import Place
    from services.api.lifecycle import Worker
    from services.api.seat import Seat
    from shared.settings import Settings

__all__ = ["Cameras", "UnknownCamera"]

log = logging.getLogger(__name__)


class UnknownCamera(LookupError):  # noqa: N818 - named after the state
    """No camera of this name is configured.

    Attributes:
        name: The one asked for.
        known: Those there are.
    """

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"There is no camera {name!r}. Known cameras: {', '.join(known)}.")
        self.name = name
        self.known = known


class Cameras:
    """The cameras of this worker.

    With ``video.use_shared_memory`` false the default camera is captured by a process of our own
    (legacy mode); ``/stream/video/shm`` still means the Video Module's ring.

    Args:
        settings: All of them.
        lifecycle: Of this worker.

    Attributes:
        settings: All of them.
        lifecycle: Of this worker.
        shared: The default camera in the Video Module's ring.
        legacy: The default camera as captured by ourselves; None in shared memory mode.
    """

    def __init__(self, settings: Settings, lifecycle: Lifecycle | None = None) -> None:
        self.settings = settings
        self.lifecycle = lifecycle or Lifecycle(spread_s=settings.api.drain_spread_sec)
        threads = settings.api.stream.performance.encoder_threads
        encoder = Encoder(threads or default_encoder_threads())

        def camera(name: str, segment: str, advice: Advice) -> Camera:
            paths = segment_paths(segment, settings.video.shared_memory_directory)
            return Camera(name, paths, settings, encoder, self.lifecycle.draining, advice)

        self._cameras = {
            name: camera(
                name, segment, VIDEO_MODULE if name == DEFAULT_CAMERA else further_camera(segment)
            )
            for name, segment in settings.camera_segments().items()
        }
        self.shared = self._cameras[DEFAULT_CAMERA]
        self.legacy: Camera | None = None
        self._capture: EmbeddedCapture | None = None
        if not settings.video.use_shared_memory:
            self._capture = EmbeddedCapture(settings, self.lifecycle.draining)
            self.legacy = camera(DEFAULT_CAMERA, self._capture.segment, EMBEDDED)
            self._cameras[DEFAULT_CAMERA] = self.legacy
        self._workers: Workers | None = None
        self._pulse = Pulse(self._publish)

    def start(self, worker: Worker, place: Place | None = None) -> None:
        """Follow every camera; in legacy mode, capture. Once, in the worker process.

        Args:
            worker: Whose end is to be noticed.
            place: In the ledger of all workers; None: this one is alone.
        """
        self.lifecycle.attend(worker)
        self._workers = self._among(place) if place is not None else None
        self._pulse.start()
        for camera in self._all():
            camera.start()
            if self._awaited(camera) and not camera.online():
                log.warning("%s: %s (%s)", camera.name, camera.advice(), camera.why())
        if self._capture is not None:
            log.info("Using legacy streaming mode for /stream/%s", DEFAULT_CAMERA)
            self._capture.start(self.default())
        else:
            log.info("Using shared memory streaming mode for /stream/%s", DEFAULT_CAMERA)

    def stop(self) -> None:
        """Let everything go; again is harmless."""
        self._pulse.stop()
        self.workers.publish()
        if self._capture is not None:
            self._capture.stop()
        for camera in self._all():
            camera.stop()

    def _all(self) -> list[Camera]:
        """Every camera once, in order; in legacy mode the Video Module's too."""
        return list(dict.fromkeys([*self._cameras.values(), self.shared]))

    def _awaited(self, camera: Camera) -> bool:
        """Whether somebody else has to start a camera's Video Module."""
        return self.legacy is None or camera not in {self.legacy, self.shared}

    def names(self) -> list[str]:
        """Every camera, the default one first."""
        return list(self._cameras)

    def named(self, name: str) -> Camera:
        """The camera a URL means.

        Raises:
            UnknownCamera: There is none of that name.
        """
        camera = self._cameras.get(name)
        if camera is None:
            raise UnknownCamera(name, self.names())
        return camera

    def default(self) -> Camera:
        """The camera of ``/stream/video``."""
        return self._cameras[DEFAULT_CAMERA]

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
            self._workers = self._among(Ledger().take([*self.settings.camera_segments(), LEGACY]))
        return self._workers

    def sheet(self, camera: Camera) -> str:
        """What a camera is called among all workers."""
        return LEGACY if camera is self.legacy else camera.name

    def _publish(self) -> None:
        self.workers.publish_list()

    def _among(self, place: Place) -> Workers:
        cameras = {self.sheet(camera): camera for camera in self._all()}
        return Workers(place, cameras, self._pulse.lateness)
