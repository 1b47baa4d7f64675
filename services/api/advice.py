"""What an operator is told about a camera that gives no picture: why, and what to do about it."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.errors import VideoModuleNotAvailableError
from shared.ring.attachment import Condition

if TYPE_CHECKING:
    from pathlib import Path

    from shared.naming import SegmentPaths
    from shared.settings import Settings

__all__ = ["EMBEDDED", "VIDEO_MODULE", "Advice", "CameraNotLive", "advice_for", "explain"]


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about whoever should write a camera's ring.

    Attributes:
        gone: When nobody does.
        stalled: When they live but hang.
        incompatible: When what they write cannot be read.
    """

    gone: str = "Video Module is not running. Start it with: python -m services.video"
    stalled: str = "Video Module lives but hangs: restart it."
    incompatible: str = "Video Module and API do not match: run the same release of both."

    def on(self, condition: Condition) -> str:
        """Advice for a condition; empty when all is well."""
        return {
            Condition.LIVE: "",
            Condition.STALLED: self.stalled,
            Condition.GONE: self.gone,
            Condition.INCOMPATIBLE: self.incompatible,
        }[condition]


VIDEO_MODULE: Final = Advice()

EMBEDDED: Final = Advice(
    gone="The embedded capture is not running; the API starts it by itself. If this lasts, the "
    "API's log says why.",
    stalled="The embedded capture hangs; the API ends it and starts another one.",
)


def advice_for(settings: Settings, name: str) -> Advice:
    """Advice for a camera that the settings name: how its Video Module is started.

    Args:
        settings: All of them.
        name: Of the camera.
    """
    segments = settings.camera_segments()
    if name not in settings.captured():
        return Advice(
            gone=f"Nobody writes the segment {segments[name]}. Start what does; or set "
            f"cameras.{name}.source, then start: python -m services.video --camera={name}"
        )
    if name == next(iter(segments)):
        return VIDEO_MODULE
    return Advice(gone=f"{VIDEO_MODULE.gone} --camera={name}")


class CameraNotLive(VideoModuleNotAvailableError):  # noqa: N818 - named after the state
    """Nobody gives this camera's frames, and the attach timeout is over.

    Attributes:
        advice: What to do about it, a sentence.
    """

    def __init__(self, path: Path, why: str, advice: str) -> None:
        super().__init__(path, why)
        self.args = (f"{advice} (looked at {path}: {why})",)
        self.advice = advice


def explain(why: str, paths: SegmentPaths) -> str:
    """Say in words what the kernel says in its own.

    Args:
        why: As the attachment has it, maybe "No such file or directory".
        paths: What was looked for.
    """
    setting = f"video.shared_memory_name={paths.name}"
    if why == os.strerror(errno.ENOENT):
        return f"nobody writes {paths.ring} ({setting})"
    if why == os.strerror(errno.EACCES):
        return f"user {os.geteuid()} may not read {paths.ring} ({setting})"
    return why
