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
from services.api.machine import default_encoder_threads
from services.api.pulse import Pulse
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
        self.lifecycle = lifecycle or Lifecycle()
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
        self._place: Place | None = None
        self._pulse = Pulse(self._publish)

    def start(self, worker: Worker, place: Place | None = None) -> None:
        """Follow every camera; in legacy mode, capture. Once, in the worker process.

        Args:
            worker: Whose end is to be noticed.
            place: In the ledger of all workers; None: this one is alone.
        """
        self.lifecycle.attend(worker)
        self._place = place
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
        self._publish()
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
        return self._own_place().admit(self._sheet(camera), address, self.settings.api.limits)

    def status(self, camera: Camera) -> dict[str, Any]:
        """Everything known about a camera, what all workers know together among it."""
        self._publish()  # what was shown once is not forgotten when this worker is killed
        return {
            **camera.status(),
            **self._own_place().totals(self._sheet(camera)),
            "hub_late_ms": self._pulse.lateness.summary(),
            "mode": "legacy" if camera is self.legacy else "shared memory",
        }

    def _own_place(self) -> Place:
        """Among all workers; where nobody has given us one we are alone."""
        if self._place is None:
            self._place = Ledger().take([*self.settings.camera_segments(), LEGACY])
        return self._place

    def _publish(self) -> None:
        for camera in self._all():
            self._own_place().publish(self._sheet(camera), camera.counters)

    def _sheet(self, camera: Camera) -> str:
        return LEGACY if camera is self.legacy else camera.name
