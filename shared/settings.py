"""Where settings come from: defaults < ``config.json`` < environment < command line.

A configuration file writes keys dotted (``"video.source": …``) or nested. The environment spells
``video.shared_memory_name`` as ``RINGCAST_VIDEO__SHARED_MEMORY_NAME``; ``VIDEO_SOURCE``,
``VIDEO_FILE`` and ``LOG_LEVEL`` are short forms; the command line says ``--video.source=…``. All
problems are reported together, each naming key, value and allowed range; a misspelt key or variable
is a problem, not silence.

The environment is read only when ``load_settings`` is called. Needs the extra ``settings``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from .errors import ConfigError
from .settings_advice import sentence, unknown_variables
from .settings_cameras import DEFAULT_CAMERA, inherited, merge, misplaced
from .settings_inputs import CONFIG_VARIABLE, ENV_PREFIX, config_file, process_environment
from .settings_model import Settings, allowed_values
from .settings_sources import long_forms, read_arguments, read_environment, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "CONFIG_VARIABLE",
    "DEFAULT_CAMERA",
    "ENV_PREFIX",
    "Layers",
    "Settings",
    "allowed_values",
    "load_layers",
    "load_settings",
]


@dataclass(frozen=True, slots=True)
class Layers:
    """What each source gave, and what came of it.

    Attributes:
        settings: The values in force.
        path: The configuration file; None: there is none.
        environ: The variables that were looked at, as they were given.
        file: What the file gave, nested.
        environment: What the variables gave, nested.
        arguments: What the command line gave, nested.
    """

    settings: Settings
    path: Path | None
    environ: Mapping[str, str]
    file: dict[str, Any]
    environment: dict[str, Any]
    arguments: dict[str, Any]


def load_settings(
    config_path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Settings:
    """Read, merge and check all settings.

    Args:
        config_path: A JSON file. None: ``$RINGCAST_CONFIG``, else ``config.json`` if there is one.
        environ: Variables to read instead of the process's own.
        arguments: Command line options such as ``--video.source=0``; ``--help`` prints all, exits.

    Raises:
        ConfigError: With one sentence per problem, of all sources together.
    """
    return load_layers(config_path, environ, arguments).settings


def load_layers(
    config_path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Layers:
    """The same, with what each source gave.

    Raises:
        ConfigError: With one sentence per problem, of all sources together.
    """
    environ = process_environment() if environ is None else environ
    path = config_file(environ, config_path)
    variables = long_forms(environ)
    problems = unknown_variables(variables)
    readers: tuple[Callable[[], dict[str, Any]], ...] = (
        partial(read_file, path),
        partial(read_environment, variables),
        partial(read_arguments, arguments),
    )
    layers: list[dict[str, Any]] = []
    values: dict[str, Any] = {}
    for read in readers:
        try:
            layers.append(read())
            values = merge(values, layers[-1])
        except ConfigError as error:
            problems += error.problems
    problems += misplaced(values)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        details = [each for each in error.errors() if not inherited(values, each["loc"])]
        told = [sentence(detail, variables) for detail in details]
        raise ConfigError(problems + told) from None
    if problems:
        raise ConfigError(problems)
    file, environment, options = layers
    return Layers(settings, path, environ, file, environment, options)
