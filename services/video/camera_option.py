"""``--camera=door``: which of the cameras of the settings a Video Module is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.settings import Settings

__all__ = ["as_written", "camera_option", "captured_camera"]

_OPTION: Final = "--camera="
_GROUP: Final = "video."


def camera_option(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """Take the option out of a command line.

    Returns:
        The name, None where none is given, and the other arguments.
    """
    named = [each.removeprefix(_OPTION) for each in arguments if each.startswith(_OPTION)]
    others = [each for each in arguments if not each.startswith(_OPTION)]
    return (named[-1] if named else None), others


def captured_camera(settings: Settings, name: str | None) -> str:
    """The camera that is meant: the one named, else the default one.

    Args:
        settings: All of them.
        name: As on the command line.

    Raises:
        ConfigError: There is no such camera, or somebody else writes it.
    """
    chosen = next(iter(settings.camera_segments())) if name is None else name
    camera = settings.for_camera(chosen)
    captured = settings.captured()
    if chosen in captured:
        return chosen
    problem = (
        f"camera {chosen!r} has no source; set cameras.{chosen}.source, or leave it to whoever "
        f"writes segment {camera.video.shared_memory_name}"
    )
    others = ", ".join(captured)
    raise ConfigError([problem + (f"; with a source there are: {others}" if others else "")])


def as_written(problems: Sequence[str], settings: Settings, name: str) -> list[str]:
    """Sentences on ``video``, each naming its key as it is written for a camera.

    Args:
        problems: Of the settings that are in force for one camera.
        settings: All of them.
        name: Of the camera.
    """
    if not settings.cameras:
        return list(problems)
    return [
        f"cameras.{name}.{problem.removeprefix(_GROUP)}" if problem.startswith(_GROUP) else problem
        for problem in problems
    ]
