"""Discovery: finds the rings of cameras that no setting names, and notices when they have gone.

It looks at the directory twice a second, in a thread: a look costs some system calls, and needs
no watch that the kernel could run out of. Each worker looks for itself; who is asked for a camera
it does not know looks at once, so a camera that one worker lists is never unknown to another.
Only names are looked at here: whether a ring can be read, the camera says (docs/adr/0028).
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Final, Protocol

import gevent

from services.api.advice import Advice
from services.api.breath import breathe
from services.api.complaints import Complaints
from shared.errors import RingUnavailable
from shared.meter import Throttle
from shared.naming import is_camera_name, ring_of_camera, segment_paths
from shared.ring.owner import check_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from services.api.camera import Camera
    from shared.naming import SegmentPaths

__all__ = ["Discovery"]

log = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
_MOST: Final = 256
"""Cameras that can be found at a time, beside those of the settings."""
_MOST_STRANGERS: Final = 16
"""Of these such as belong to users who are not believed: they are listed, for somebody may wonder,
but cannot take the room of others."""

_MOST_TRIED: Final = 512
"""Rings of no camera yet that one look tries: anybody may fill the directory with files."""


class Keeper(Protocol):
    """Who has the cameras of the worker."""

    def names(self) -> list[str]:
        """Every camera there is."""
        ...

    def open(self, name: str, paths: SegmentPaths, advice: Advice, *, listed: bool) -> Camera:
        """Add a camera; ValueError: there is one of this name."""
        ...

    def close(self, camera: Camera) -> None:
        """Let go of a camera."""
        ...


class Discovery:
    """Opens the cameras that are found, and closes those that have gone. Used by the hub only.

    Args:
        cameras: Who has them.
        directory: Where rings lie.
        segments: Names of rings that are served already, under whatever name.
        grace_s: How long a ring may be missing before its camera has gone, seconds.
        clock: A steady clock, seconds.
    """

    def __init__(
        self,
        cameras: Keeper,
        directory: Path,
        segments: Collection[str],
        grace_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cameras = cameras
        self._directory = directory
        self._segments = segments
        self._grace_s = grace_s
        self._clock = clock
        self._found: dict[str, Camera] = {}
        self._strangers: set[str] = set()
        self._missing_since: dict[str, float] = {}
        self._tried = 0
        self._complaints = Complaints()
        self._failures = Throttle()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Look once, so that nobody asks in vain for what is there; then go on in a greenlet."""
        self.look()
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Look no more; the cameras stay. Again is harmless."""
        if self._greenlet is not None:
            self._greenlet.kill()
        self._greenlet = None

    def look(self) -> None:
        """Open what has come, close what has gone."""
        there = gevent.get_hub().threadpool.apply(_rings_in, (self._directory,))
        if isinstance(there, FileNotFoundError):
            self._complain_of(there)
            there = []
        elif isinstance(there, OSError):
            self._complain_of(there)  # what was found stays: nothing says that it has gone
            return
        for name in self._some(sorted(set(there) - self._found.keys())):
            self._try(name)
            breathe()
        self._let_go(set(there))
        self._complaints.end_look()

    def find(self, name: str) -> None:
        """Look for one camera, now: a request asks for it."""
        if name in self._found or not is_camera_name(name):
            return
        if os.path.lexists(self._directory / f"{name}.ring"):
            self._try(name)

    def _run(self) -> None:
        while True:
            gevent.sleep(_LOOK_S)
            try:
                self.look()
            except Exception:
                withheld = self._failures.ready(self._clock())
                if withheld is not None:
                    log.exception("looking for cameras failed (%d more withheld)", withheld)

    def _some(self, names: list[str]) -> list[str]:
        """All of them, or as many as one look may try; then others in the next one."""
        if len(names) <= _MOST_TRIED:
            return names
        start = self._tried % len(names)
        self._tried = start + _MOST_TRIED
        return (names + names)[start : start + _MOST_TRIED]

    def _try(self, name: str) -> None:
        """Open the camera of a ring, unless something speaks against it."""
        if name in self._segments or name in self._found:
            return
        if not is_camera_name(name):
            self._complaints.say(
                "name", f"{name}.ring is not served: a camera's name has only A-Z a-z 0-9 _ -"
            )
            return
        if name in self._cameras.names():
            self._complaints.say(
                "taken",
                f"{name}.ring is not served: the settings have another camera {name!r}. "
                "Give one of them another name",
            )
            return
        try:
            paths = segment_paths(name, self._directory)
        except ValueError as error:
            self._complaints.say("path", f"{name}.ring is not served: {error}")
            return
        strange = not _is_believed(paths.ring)
        if self._has_room_for(name, strange=strange):
            self._open(paths, strange=strange)

    def _has_room_for(self, name: str, *, strange: bool) -> bool:
        if strange and len(self._strangers) >= _MOST_STRANGERS:
            self._complaints.say(
                "strangers",
                f"{name}.ring is not listed: it belongs to another user, as {_MOST_STRANGERS} "
                "others do. Have their owners remove them",
            )
            return False
        if len(self._found) >= _MOST:
            self._complaints.say(
                "room",
                f"{name}.ring is not served: {_MOST} cameras were found already. Remove what is "
                f"left of old ones from {self._directory}, or name those you want in the settings",
            )
            return False
        return True

    def _open(self, paths: SegmentPaths, *, strange: bool) -> None:
        name = paths.name
        advice = Advice(
            gone=f"Nobody writes {name}, which was found in {self._directory}. Start its Video "
            f"Module; or remove {name}.ring, and it is listed no more."
        )
        self._found[name] = camera = self._cameras.open(name, paths, advice, listed=True)
        if strange:
            self._strangers.add(name)
        state = "online" if camera.online() else f"{camera.condition()}: {camera.why()}"
        log.info("camera %s has come (%s, %s)", name, paths.ring, state)

    def _let_go(self, there: set[str]) -> None:
        now = self._clock()
        for name, camera in tuple(self._found.items()):
            if name in there or camera.online():
                self._missing_since.pop(name, None)
                continue
            missing_s = now - self._missing_since.setdefault(name, now)
            if missing_s < self._grace_s or camera.clients():
                continue
            del self._found[name], self._missing_since[name]
            self._strangers.discard(name)
            self._cameras.close(camera)
            log.info("camera %s has gone: no ring for %.1f s", name, missing_s)

    def _complain_of(self, error: OSError) -> None:
        self._complaints.say(
            "directory",
            f"cannot look for cameras in {self._directory}: {error.strerror}. Check that it is "
            "there and this user may read it (video.shared_memory_directory)",
        )


def _rings_in(directory: Path) -> list[str] | OSError:
    """In a thread: segment names of the cameras whose rings lie in a directory.

    The error is given back: gevent prints every exception that leaves a pool thread.
    """
    try:
        files = os.listdir(directory)  # noqa: PTH208 - hundreds of names, no need for paths
    except OSError as error:
        return error
    return [name for file in files if (name := ring_of_camera(file)) is not None]


def _is_believed(ring: Path) -> bool:
    try:
        check_owner(ring, ring.lstat())
    except (OSError, RingUnavailable):
        return False
    return True
