"""Many cameras: what may stand in ``cameras``, and how an entry is laid over ``video``.

An entry holds any setting of ``video``; what it leaves out is as ``video`` has it, except for the
name of its segment (the camera's own) and its source (none: somebody else writes that camera). An
entry named ``video`` is laid over those two as well.

Works on values as they were written, before they are checked: so each problem is told once, where
it was written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from .naming import DEFAULT_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CAMERAS",
    "DEFAULT_CAMERA",
    "OF_KEY",
    "SHARED_BY_ALL",
    "given",
    "inherited",
    "laid_over",
    "merge",
    "misplaced",
    "possible_name",
    "written_as",
]

CAMERAS: Final = "cameras"
DEFAULT_CAMERA: Final = "video"
SHARED_BY_ALL: Final = ("use_shared_memory", "shared_memory_directory")
"""Settings of ``video`` that no camera has for itself."""
OF_KEY: Final = ("[key]",)
"""What pydantic puts behind a key that is wrong itself."""
_OWN: Final = ("shared_memory_name", "source")
"""What a camera does not take from ``video``."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_RESERVED: Final = {"mosaic": "/stream/mosaic shows several cameras in one picture"}


def possible_name(name: str) -> str:
    """The name of a camera, as it is.

    Raises:
        ValueError: It cannot be one; with a sentence.
    """
    if _NAME.fullmatch(name) is None:
        msg = f"camera name {name!r} is not valid: 1 to 64 characters of A-Z a-z 0-9 _ -"
        raise ValueError(msg)
    if name in _RESERVED:
        msg = f"camera name {name!r} is taken: {_RESERVED[name]}; choose another name"
        raise ValueError(msg)
    return name


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay ``above`` over ``below``, objects into each other."""
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            merged[key] = merge(known, value)
        else:
            merged[key] = value
    return merged


def given(values: Mapping[str, Any], location: tuple[int | str, ...]) -> bool:
    """Whether nested values hold something at a location."""
    inner: Any = values
    for name in location:
        if not isinstance(inner, dict) or name not in inner:
            return False
        inner = inner[name]
    return True


def laid_over(values: dict[str, Any]) -> dict[str, Any]:
    """All values, with every camera's entry complete; what is no object stays as it is."""
    video, entries = values.get("video", {}), values.get(CAMERAS)
    if not isinstance(video, dict) or not isinstance(entries, dict):
        return values
    complete = {
        name: _complete(name, video, entry) if isinstance(entry, dict) else entry
        for name, entry in entries.items()
    }
    return {**values, CAMERAS: complete}


def _complete(name: str, video: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    if name == DEFAULT_CAMERA:
        return merge(video, entry)
    common = {key: value for key, value in video.items() if key not in _OWN}
    return merge({**common, "shared_memory_name": name}, entry)


def inherited(values: Mapping[str, Any], location: tuple[int | str, ...]) -> bool:
    """Whether a problem in a camera's entry is told elsewhere: there is nothing of it in there.

    Args:
        values: As they were written.
        location: Of the problem.
    """
    in_entry = location[:1] == (CAMERAS,) and len(location) > len((CAMERAS, "door"))
    return in_entry and location[-1:] != OF_KEY and not given(values, location)


def written_as(location: tuple[str, ...]) -> tuple[str, ...]:
    """Where the field of a setting stands: that of a camera where the same one of ``video`` does.

    Args:
        location: ``("cameras", "door", "ring", "slots")``, or of any other setting.
    """
    if location[:1] == (CAMERAS,) and len(location) > 1:
        return ("video", *location[2:])
    return location


def misplaced(values: Mapping[str, Any]) -> list[str]:
    """Complain about cameras that share a segment, and about what no camera has for itself.

    Args:
        values: As they were written, of all sources together.
    """
    video, entries = values.get("video"), values.get(CAMERAS)
    if not isinstance(entries, dict):
        return []
    default = video.get("shared_memory_name", DEFAULT_NAME) if isinstance(video, dict) else None
    told = []
    writers: dict[object, str] = {}
    for name, entry in entries.items():
        if not isinstance(entry, dict):
            continue
        own = (default or DEFAULT_NAME) if name == DEFAULT_CAMERA else name
        segment = entry.get("shared_memory_name", own)
        other = writers.setdefault(segment if isinstance(segment, str) else object(), name)
        if other != name:
            told.append(
                f"cameras.{name}.shared_memory_name {segment!r}: is that of cameras.{other}; "
                "every camera needs its own"
            )
        told += [
            f"cameras.{name}.{key} is one for all cameras; set video.{key} instead"
            for key in SHARED_BY_ALL
            if key in entry
        ]
    return told
