"""The three sources of settings, each read into nested objects: file, environment, command line.

Needs the extra ``settings`` (pydantic).
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pydantic_settings import CliSettingsSource, EnvSettingsSource, SettingsError

from .errors import ConfigError
from .settings_advice import unknown_options
from .settings_cameras import CAMERAS, merge
from .settings_inputs import ENV_PREFIX, SHORT_FORMS
from .settings_model import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pydantic.fields import FieldInfo

_USAGE: Final = "python -m services.video [CONFIG.json] [--print-config[=json]] [--KEY=VALUE ...]"
_ABOUT: Final = (
    "Every key below is a setting of docs/configuration.md. --print-config prints all of them, "
    "their values and where each came from, and ends."
)

_OF_CAMERA: Final = f"--{CAMERAS}."

__all__ = ["long_forms", "read_arguments", "read_environment", "read_file"]


def read_file(path: Path | None) -> dict[str, Any]:
    """Read a configuration file; its keys are dotted or nested, or both.

    Raises:
        ConfigError: It cannot be read, or is no JSON object.
    """
    if path is None:
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"configuration file {path} cannot be read: {error}"]) from error
    except json.JSONDecodeError as error:
        raise ConfigError([f"configuration file {path} is not JSON: {error}"]) from error
    if not isinstance(content, dict):
        raise ConfigError([f"configuration file {path} must hold a JSON object"])
    return _undot(content)


def read_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    """Read variables of ours, all in their long forms."""
    values: dict[str, Any] = _EnvironmentSource(variables)()
    return _undot(values)


def read_arguments(arguments: Sequence[str]) -> dict[str, Any]:
    """Read the options of a command line.

    Raises:
        ConfigError: There is one that is no setting.
    """
    try:
        source = CliSettingsSource[argparse.ArgumentParser](
            Settings,
            cli_parse_args=[each for each in arguments if not each.startswith(_OF_CAMERA)],
            cli_exit_on_error=False,
            root_parser=_Parser(usage=_USAGE, description=_ABOUT, allow_abbrev=False),
        )
    except SettingsError as error:
        raise ConfigError([f"command line: {error}{unknown_options(arguments)}"]) from error
    return merge(_undot(source()), _of_cameras(arguments))


def _of_cameras(arguments: Sequence[str]) -> dict[str, Any]:
    """Read ``--cameras.door.source=…``, whose names no parser can know beforehand."""
    given = [each.partition("=") for each in arguments if each.startswith(_OF_CAMERA)]
    bare = [name for name, equals, _ in given if not equals]
    if bare:
        raise ConfigError([f"command line: {name} needs =VALUE" for name in bare])
    return _undot({name.removeprefix("--"): value for name, _, value in given})


class _Parser(argparse.ArgumentParser):
    """Has errors raised, as pydantic-settings' own parser does."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"error parsing CLI: {message}")


def long_forms(environ: Mapping[str, str]) -> dict[str, str]:
    """Our variables only, short forms spelt out."""
    short = {
        long: prefix + environ[name] for name, long, prefix in SHORT_FORMS if environ.get(name)
    }
    long = {name: value for name, value in environ.items() if name.startswith(ENV_PREFIX)}
    return {**short, **long}


def _undot(content: dict[str, Any]) -> dict[str, Any]:
    """Turn dotted keys into nested objects; nested ones stay."""
    nested: dict[str, Any] = {}
    for key, value in content.items():
        inner = _undot(value) if isinstance(value, dict) else value
        for name in reversed(key.split(".")):
            inner = {name: inner}
        nested = merge(nested, inner)
    return nested


class _EnvironmentSource(EnvSettingsSource):
    """pydantic-settings' own reader, over given variables instead of the process's."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = {name.lower(): value for name, value in variables.items()}
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._variables

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ANN401
        """Read JSON where it is JSON; else let the check of the field name the value."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value
