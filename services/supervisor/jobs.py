"""What is to run, as the settings say: one Video Module per camera that has a source, the API."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = ["API", "Job", "jobs_of"]

API: Final = "API"


@dataclass(frozen=True, slots=True)
class Job:
    """One service.

    Attributes:
        name: For people; no two have the same.
        command: Of the child process.
        rests_on: The settings it was started with: with others it is another job.
    """

    name: str
    command: tuple[str, ...]
    rests_on: object


def jobs_of(settings: Settings, *, with_api: bool) -> list[Job]:
    """Every service that has to run, the API last.

    Args:
        settings: All of them.
        with_api: Whether the API is one of them.
    """
    jobs = [_camera(settings, name) for name in settings.captured()]
    if with_api:
        command = (sys.executable, "-m", "gunicorn", "-c", "services/api/gunicorn.conf.py")
        rests_on = (settings.api, settings.logging, settings.video, _told(settings))
        jobs.append(Job(API, command, rests_on))
    return jobs


def _told(settings: Settings) -> list[tuple[str, str]]:
    """The cameras that the API knows from the settings alone: all, unless it discovers them.

    Then it finds a ring that is named like its camera by itself; it has to be told the default
    camera, which is the first, and those whose rings have other names.
    """
    segments = list(settings.camera_segments().items())
    if not settings.api.discover_cameras:
        return segments
    return segments[:1] + [(name, ring) for name, ring in segments[1:] if name != ring]


def _camera(settings: Settings, name: str) -> Job:
    command = (sys.executable, "-m", "services.video")
    rests_on = (settings.for_camera(name).video, settings.logging)
    if not settings.cameras:
        return Job("Video Module", command, rests_on)
    return Job(f"Video Module of {name}", (*command, f"--camera={name}"), rests_on)
