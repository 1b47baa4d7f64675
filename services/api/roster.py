"""Which cameras a worker has, under which names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.api.camera import Camera

__all__ = ["Roster", "UnknownCamera"]


class UnknownCamera(LookupError):  # noqa: N818 - named after the state
    """There is no camera of this name, or no more.

    Attributes:
        name: The one asked for.
        known: Those there are.
    """

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"There is no camera {name!r}. Known cameras: {', '.join(known)}.")
        self.name = name
        self.known = known


class Roster:
    """The cameras of the settings, which stay, and those that come and go.

    Args:
        configured: By name, the default one first; at least one.

    Attributes:
        default: The first camera of the settings.
    """

    def __init__(self, configured: Mapping[str, Camera]) -> None:
        self.default = next(iter(configured.values()))
        self._configured = dict(configured)
        self._come: dict[str, Camera] = {}
        self._unlisted: dict[str, Camera] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._configured or name in self._come or name in self._unlisted

    def all(self) -> list[Camera]:
        """Every camera, those that no list tells of last."""
        cameras = [self._configured, self._come, self._unlisted]
        return [camera for group in cameras for camera in group.values()]

    def names(self) -> list[str]:
        """Every camera that has a URL: those of the settings, the default one first, then others.

        The same in every worker that has seen the same cameras come.
        """
        return [*self._configured, *sorted(self._come)]

    def named(self, name: str) -> Camera:
        """The camera a URL means.

        Raises:
            UnknownCamera: There is none of that name now.
        """
        camera = self._configured.get(name) or self._come.get(name)
        if camera is None:
            raise UnknownCamera(name, self.names())
        return camera

    def lists(self, camera: Camera) -> bool:
        """Whether a camera has a URL, and lists and numbers tell of it."""
        return camera.name not in self._unlisted

    def add(self, camera: Camera, *, listed: bool) -> None:
        """A camera has come, under a name that none has."""
        (self._come if listed else self._unlisted)[camera.name] = camera

    def remove(self, camera: Camera) -> None:
        """A camera that came goes.

        Raises:
            KeyError: It has not come, or has gone already.
        """
        group = self._come if camera.name in self._come else self._unlisted
        if group[camera.name] is not camera:
            raise KeyError(camera.name)
        del group[camera.name]
