"""A mosaic that clients of this worker watch, or that this worker composes for others.

One greenlet per mosaic. While anybody here wants frames there is a camera on its ring, and at each
turn the ring's lock is tried for: so a mosaic whose composer has died goes on after a tenth of a
second. When nobody here wants any for a while the camera goes; when nobody follows either, the
ring.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import gevent

if TYPE_CHECKING:
    from gevent.lock import BoundedSemaphore

    from services.api.camera import Camera
    from services.api.mosaic.composer import Composer
    from services.api.mosaic.wish import Mosaic

__all__ = ["LINGER_S", "Host", "RunningMosaic"]

log = logging.getLogger(__name__)

LINGER_S: Final = 5.0
"""For so long a mosaic is kept that nobody watches: who asks for pictures now and then finds it."""
_FOLLOW_S: Final = 0.1
"""From one try for the lock to the next, while another worker holds it."""
_BEAT_S: Final = 0.2
"""Longest pause of who composes, however seldom that is: followers would think that it hangs."""
_END_S: Final = 1.0


class Host(Protocol):
    """The worker that a mosaic runs in.

    Attributes:
        turn: Taken while anything begins or ends here.
    """

    turn: BoundedSemaphore

    def open_camera(self, mosaic: Mosaic) -> Camera:
        """Begin to follow a mosaic's ring."""
        ...

    def close_camera(self, camera: Camera) -> None:
        """End that."""
        ...

    def forget(self, running: RunningMosaic) -> None:
        """It has ended; again is harmless."""
        ...


class RunningMosaic:
    """Runs from ``ask`` until nobody wants it any more, or ``stop``.

    Args:
        mosaic: Which cameras, and where.
        composer: Of it, in this worker.
        host: The worker.
        linger_s: How long it is kept when nobody watches, seconds; None: ``LINGER_S``.

    Attributes:
        mosaic: Which cameras, and where.
        composer: Of it, in this worker.
    """

    def __init__(
        self, mosaic: Mosaic, composer: Composer, host: Host, linger_s: float | None = None
    ) -> None:
        self.mosaic = mosaic
        self.composer = composer
        self._host = host
        self._linger_s = LINGER_S if linger_s is None else linger_s
        self._asked_at = 0.0
        self._camera: Camera | None = None
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def ask(self) -> Camera:
        """The camera that shows it, for somebody who is about to wait for its frames.

        The caller holds the host's ``turn``.
        """
        self._asked_at = time.monotonic()
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)
        if self._camera is None:
            self._camera = self._host.open_camera(self.mosaic)
        return self._camera

    def stop(self) -> None:
        """End at once; again is harmless. What this worker composes, another takes over."""
        if self._greenlet is not None:
            self._greenlet.kill(timeout=_END_S)
        self._end()

    def status(self) -> dict[str, Any]:
        """What is known about it beside what is of every camera."""
        composer = self.composer
        frames = max(1, composer.composed)
        return {
            "cameras": [name for name, _ in self.mosaic.cameras],
            "cols": self.mosaic.grid.columns,
            "tile": list(self.mosaic.grid.tile),
            "composed_here": composer.leads,
            "composed": composer.composed,
            "compose_ms": round(composer.busy_ns / frames / 1e6, 3),
        }

    def _run(self) -> None:
        interval_s = 1.0 / self.mosaic.fps
        due_s = time.monotonic()
        try:
            while self._is_wanted():
                pause_s = _FOLLOW_S
                if self.composer.try_to_lead():
                    if time.monotonic() >= due_s:
                        due_s = max(time.monotonic(), due_s + interval_s)
                        self._compose()
                    else:
                        self.composer.beat()
                    pause_s = min(_BEAT_S, due_s - time.monotonic())
                gevent.sleep(max(0.0, pause_s))
        except Exception:
            log.exception("%s: cannot be composed", self.mosaic.paths.name)
        finally:
            self._end()

    def _compose(self) -> None:
        if self.composer.turn() and self._camera is not None:
            self._camera.look()  # it need not wait for the notification

    def _is_wanted(self) -> bool:
        """Whether anybody wants frames, here or elsewhere; once it says no, nobody can ask here."""
        camera, now = self._camera, time.monotonic()
        if camera is not None:
            if camera.feed.awaited.is_set():
                self._asked_at = now
            if now - self._asked_at < self._linger_s:
                return True
            with self._host.turn:
                if self._asked_at <= now:  # nobody has come meanwhile
                    self._camera = None
                    self._host.close_camera(camera)
        if self.composer.watched():
            return True
        with self._host.turn:
            if self._camera is None:
                self._host.forget(self)
        return self._camera is not None

    def _end(self) -> None:
        with self._host.turn:
            self._host.forget(self)
            self._greenlet = None
            camera, self._camera = self._camera, None
            self.composer.close()
            if camera is not None:
                self._host.close_camera(camera)
