"""Where settings come from: defaults < ``config.json`` < environment < command line.

A configuration file writes keys dotted (``"video.source": …``) or nested. The environment spells
``video.shared_memory_name`` as ``RINGCAST_VIDEO__SHARED_MEMORY_NAME``; ``VIDEO_SOURCE``,
``VIDEO_FILE`` and ``LOG_LEVEL`` are short forms; the command line says ``--video.source=…``. All
problems are reported together, each naming key, value and allowed range; a misspelt key or variable
is a problem, not silence.

This is the only module that reads the environment, and only when ``load_settings`` is called.
"""

from __future__ import annotations

import argparse
import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import BaseModel, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    CliSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from .errors import ConfigError
from .naming import segment_paths
from .settings_api import DEFAULT_CAMERA, ApiSettings
from .settings_schema import LoggingSettings, VideoSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

__all__ = [
    "CONFIG_VARIABLE",
    "DEFAULT_CAMERA",
    "ENV_PREFIX",
    "Settings",
    "allowed_values",
    "load_settings",
]

ENV_PREFIX: Final = "RINGCAST_"
CONFIG_VARIABLE: Final = "RINGCAST_CONFIG"
_DEFAULT_CONFIG: Final = Path("config.json")
_SHORT_FORMS: Final = (
    ("VIDEO_FILE", "RINGCAST_VIDEO__SOURCE", "file:"),
    ("VIDEO_SOURCE", "RINGCAST_VIDEO__SOURCE", ""),
    ("LOG_LEVEL", "RINGCAST_LOGGING__LEVEL", ""),
)
"""Short variable, long one, what to put before its value; a later line wins over an earlier one,
the long form over all."""


class Settings(BaseSettings):
    """All settings of both services; frozen. Use ``load_settings`` to make one."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__"
    )

    video: VideoSettings = VideoSettings()
    api: ApiSettings = ApiSettings()
    logging: LoggingSettings = LoggingSettings()

    @model_validator(mode="after")
    def _socket_paths_are_short_enough(self) -> Self:
        for name in self.camera_segments().values():
            segment_paths(name, self.video.shared_memory_directory)
        return self

    def camera_segments(self) -> dict[str, str]:
        """Segment name of every camera the API serves, the default camera first."""
        return {DEFAULT_CAMERA: self.video.shared_memory_name, **self.api.cameras}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the constructor only: ``load_settings`` merges what it was given."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


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
    environ = os.environ if environ is None else environ
    variables = _long_forms(environ)
    problems = _unknown_variables(variables)
    values: dict[str, Any] = {}
    readers: tuple[Callable[[], dict[str, Any]], ...] = (
        partial(_read_file, config_path, environ),
        _EnvironmentSource(variables),
        partial(_read_arguments, arguments),
    )
    for read in readers:
        try:
            values = _merge(values, read())
        except ConfigError as error:
            problems += error.problems
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigError(problems + [_sentence(detail) for detail in error.errors()]) from None
    if problems:
        raise ConfigError(problems)
    return settings


def _read_file(config_path: Path | None, environ: Mapping[str, str]) -> dict[str, Any]:
    if config_path is None:
        named = environ.get(CONFIG_VARIABLE)
        if named is None and not _DEFAULT_CONFIG.exists():
            return {}
        config_path = _DEFAULT_CONFIG if named is None else Path(named)
    try:
        content = json.loads(config_path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"configuration file {config_path} cannot be read: {error}"]) from error
    except json.JSONDecodeError as error:
        raise ConfigError([f"configuration file {config_path} is not JSON: {error}"]) from error
    if not isinstance(content, dict):
        raise ConfigError([f"configuration file {config_path} must hold a JSON object"])
    return _undot(content)


def _undot(content: dict[str, Any]) -> dict[str, Any]:
    """Turn dotted keys into nested objects; nested ones stay."""
    nested: dict[str, Any] = {}
    for key, value in content.items():
        inner = _undot(value) if isinstance(value, dict) else value
        for name in reversed(key.split(".")):
            inner = {name: inner}
        nested = _merge(nested, inner)
    return nested


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Lay ``above`` over ``below``, objects into each other."""
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            merged[key] = _merge(known, value)
        else:
            merged[key] = value
    return merged


def _long_forms(environ: Mapping[str, str]) -> dict[str, str]:
    """Our variables only, short forms spelt out."""
    short = {
        long: prefix + environ[name] for name, long, prefix in _SHORT_FORMS if environ.get(name)
    }
    long = {name: value for name, value in environ.items() if name.startswith(ENV_PREFIX)}
    return {**short, **long}


def _unknown_variables(variables: Mapping[str, str]) -> list[str]:
    sections = tuple(f"{ENV_PREFIX}{name.upper()}__" for name in Settings.model_fields)
    return [
        f"environment variable {name} is not a setting; names begin with one of "
        f"{', '.join(sections)} (or are {CONFIG_VARIABLE})"
        for name in sorted(variables)
        if name != CONFIG_VARIABLE and not name.startswith(sections)
    ]


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


def _read_arguments(arguments: Sequence[str]) -> dict[str, Any]:
    try:
        source = CliSettingsSource[argparse.ArgumentParser](
            Settings, cli_parse_args=list(arguments), cli_exit_on_error=False
        )
    except SettingsError as error:
        raise ConfigError([f"command line: {error}"]) from error
    values: dict[str, Any] = source()
    return values


_RULES: Final = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
}
"""Kind of problem to its rule, where pydantic's own words speak of Python."""


def _sentence(detail: ErrorDetails) -> str:
    """One problem as: key, value, rule; without the value where it is a secret."""
    key = ".".join(str(name) for name in detail["loc"]) or "settings"
    if detail["type"] == "extra_forbidden":
        return f"{key} is not a setting; docs/configuration.md lists them all"
    value = detail["input"]
    secret = detail["loc"][:2] in {("api",), ("api", "auth")}  # also what was meant for a token
    shown = f" {value!r}" if isinstance(value, (str, int, float)) and not secret else ""
    allowed = allowed_values(detail["loc"])
    rule = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    rule = _RULES.get(detail["type"], rule)
    return f"{key}{shown}: {f'must be {allowed}' if allowed else rule}"


def _field(location: tuple[int | str, ...]) -> FieldInfo | None:
    """The field at the end of the names on the way to it; None: there is none."""
    section: type[BaseModel] = Settings
    for name in location[:-1]:
        field = section.model_fields.get(str(name))
        kind = field.annotation if field is not None else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return None
        section = kind
    return section.model_fields.get(str(location[-1])) if location else None


def allowed_values(location: tuple[int | str, ...]) -> str:
    """The range of a number setting as words, "2 to 64"; empty for other settings.

    Args:
        location: The names on the way to it, ``("video", "ring", "slots")``.
    """
    field = _field(location)
    limits: dict[str, object] = {}
    for rule in field.metadata if field is not None else ():
        limits |= {name: getattr(rule, name) for name in ("gt", "ge", "le") if hasattr(rule, name)}
    if "le" not in limits:
        return ""
    low = f"more than {limits['gt']}, at most" if "gt" in limits else f"{limits.get('ge')} to"
    return f"{low} {limits['le']}"
