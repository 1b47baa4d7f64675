"""``--print-config``: every setting with its value, and where that came from; secrets masked.

Needs the extra ``settings`` (pydantic).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from .settings import load_layers
from .settings_cameras import CAMERAS, DEFAULT_CAMERA, SHARED_BY_ALL, given, written_as
from .settings_inputs import SHORT_FORMS
from .settings_model import Key, keys, variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .settings import Layers

__all__ = ["PRINT_CONFIG", "as_json", "as_lines", "print_config"]

PRINT_CONFIG: Final = "--print-config"
_MASK: Final = "***"
_NETWORK: Final = re.compile(r"\s*(?:https?|rtsps?):(?://)?", re.IGNORECASE)
_QUERY: Final = re.compile(r"\?.*", re.DOTALL)


def print_config(arguments: Sequence[str], config_path: Path | None = None) -> str | None:
    """The settings in force as text, if the command line asks for them.

    Args:
        arguments: ``--print-config`` or ``--print-config=json`` among others.
        config_path: As for ``load_settings``.

    Returns:
        Lines; None: nobody asks.

    Raises:
        ConfigError: A setting is wrong.
    """
    asked = [name for name in arguments if name in {PRINT_CONFIG, f"{PRINT_CONFIG}=json"}]
    if not asked:
        return None
    others = [argument for argument in arguments if argument not in asked]
    layers = load_layers(config_path, arguments=others)
    return as_json(layers) if asked[-1].endswith("=json") else as_lines(layers)


def as_lines(layers: Layers) -> str:
    """For people: key = value, then where it came from, one line each, aligned."""
    rows = [
        (".".join(key), json.dumps(_shown(layers, key), ensure_ascii=False), _origin(layers, key))
        for key in _keys(layers)
    ]
    left = max(len(key) for key, _, _ in rows)
    middle = min(max(len(value) for _, value, _ in rows), 40)
    return "".join(f"{key:{left}} = {value:{middle}}  {origin}\n" for key, value, origin in rows)


def as_json(layers: Layers) -> str:
    """For programs: an object, dotted key to ``value`` and ``origin``."""
    document = {
        ".".join(key): {"value": _shown(layers, key), "origin": _origin(layers, key)}
        for key in _keys(layers)
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _keys(layers: Layers) -> Iterator[Key]:
    """Every setting, those of each camera where there are cameras."""
    cameras = layers.settings.cameras
    for key, _ in keys():
        if key != (CAMERAS,) or not cameras:
            yield key
    of_video = [key[1:] for key, _ in keys() if key[0] == "video" and key[1] not in SHARED_BY_ALL]
    for name in cameras:
        yield from ((CAMERAS, name, *inner) for inner in of_video)


def _shown(layers: Layers, key: Key) -> Any:  # noqa: ANN401 - any JSON
    value: Any = layers.settings
    for name in key:
        value = value[name] if isinstance(value, dict) else getattr(value, name)
    if isinstance(value, SecretStr):
        return _MASK
    if written_as(key) == ("video", "source"):
        written = key[0] == "video" or key[1] in layers.settings.captured()
        return _without_secrets(value) if written else None
    return str(value) if isinstance(value, Path) else value


def _without_secrets(source: str) -> str:
    """An address without what stands before an @, which may be a password's end, and its query."""
    scheme = _NETWORK.match(source)
    if scheme is None:
        return source
    behind = source[scheme.end() :]
    user, at, place = behind.rpartition("@")
    shown = f"{_MASK}@{place}" if at else user + place
    return scheme[0] + _QUERY.sub(f"?{_MASK}", shown)


def _origin(layers: Layers, key: Key) -> str:
    if given(layers.arguments, key):
        return f"command line --{'.'.join(key)}"
    if given(layers.environment, key):
        return f"environment {_variable_of(layers.environ, key)}"
    if given(layers.file, key):
        return f"file {layers.path}"
    if key[0] == CAMERAS and len(key) > 1:
        return _unless_own(layers, key)
    return "default"


def _unless_own(layers: Layers, key: Key) -> str:
    """Where a camera has a value from that no source gave for it."""
    if key[1] != DEFAULT_CAMERA and key[2] == "shared_memory_name":
        return "named like the camera"
    if key[1] != DEFAULT_CAMERA and key[2] == "source":
        return "none: somebody else writes it"
    common = written_as(key)
    return f"{'.'.join(common)}: {_origin(layers, common)}"


def _variable_of(environ: Mapping[str, str], key: Key) -> str:
    """The variable that gave a value: its own, its short form, or that of a group, as JSON."""
    spelt = {name.upper(): name for name in environ}
    own = variable(key)
    if own in spelt:
        return spelt[own]
    for short, long, _ in reversed(SHORT_FORMS):
        if long == own and environ.get(short):
            return f"{short}, short for {long}"
    around = (variable(key[:length]) for length in range(len(key) - 1, 0, -1))
    return next((spelt[name] for name in around if name in spelt), own)
