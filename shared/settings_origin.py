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
from .settings_inputs import SHORT_FORMS
from .settings_model import keys, variable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        for key, _ in keys()
    ]
    left = max(len(key) for key, _, _ in rows)
    middle = min(max(len(value) for _, value, _ in rows), 40)
    return "".join(f"{key:{left}} = {value:{middle}}  {origin}\n" for key, value, origin in rows)


def as_json(layers: Layers) -> str:
    """For programs: an object, dotted key to ``value`` and ``origin``."""
    document = {
        ".".join(key): {"value": _shown(layers, key), "origin": _origin(layers, key)}
        for key, _ in keys()
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _shown(layers: Layers, key: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON
    value: Any = layers.settings
    for name in key:
        value = getattr(value, name)
    if isinstance(value, SecretStr):
        return _MASK
    if key == ("video", "source"):
        return _without_secrets(value)
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


def _origin(layers: Layers, key: tuple[str, ...]) -> str:
    if _gives(layers.arguments, key):
        return f"command line --{'.'.join(key)}"
    if _gives(layers.environment, key):
        return f"environment {_variable_of(layers.environ, key)}"
    if _gives(layers.file, key):
        return f"file {layers.path}"
    return "default"


def _gives(values: Mapping[str, Any], key: tuple[str, ...]) -> bool:
    inner: Any = values
    for name in key:
        if not isinstance(inner, dict) or name not in inner:
            return False
        inner = inner[name]
    return True


def _variable_of(environ: Mapping[str, str], key: tuple[str, ...]) -> str:
    """The variable that gave a value: its own, its short form, or that of a group, as JSON."""
    spelt = {name.upper(): name for name in environ}
    own = variable(key)
    if own in spelt:
        return spelt[own]
    for short, long, _ in reversed(SHORT_FORMS):
        if long == own and environ.get(short):
            return f"{short}, short for {long}"
    around = (variable(key[:length]) for length in range(len(key) - 1, 1, -1))
    return next((spelt[name] for name in around if name in spelt), own)
