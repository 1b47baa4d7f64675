"""What to say of a setting that is wrong: the key, the value, the rule, and what was meant.

Needs the extra ``settings`` (pydantic).
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from .settings_cameras import CAMERAS, OF_KEY, written_as
from .settings_inputs import CONFIG_VARIABLE, ENV_PREFIX
from .settings_model import Settings, allowed_values, field_at, keys, variable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

__all__ = ["meant", "sentence", "unknown_options", "unknown_variables"]

_LISTED: Final = "; docs/configuration.md lists them all"
_RULES: Final = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
}
"""Kind of problem to its rule, where pydantic's own words speak of Python."""
_GONE: Final[dict[tuple[int | str, ...], str]] = {
    ("api", "cameras"): "api.cameras is now cameras, and lists all cameras, the default one "
    'first: instead of {"api.cameras": {"door": "door_ring"}} write {"cameras": {"video": {}, '
    '"door": {"shared_memory_name": "door_ring"}}} (as a variable: RINGCAST_CAMERAS=JSON)',
}
"""Settings of earlier releases, and what to write instead."""


def meant(key: str) -> str | None:
    """The dotted key of a setting that a misspelt one most likely means.

    Args:
        key: Dotted, of no setting. A last name that only one setting has is enough.
    """
    first, *rest = key.split(".")
    if first not in Settings.model_fields and difflib.get_close_matches(first, [CAMERAS]):
        return ".".join([CAMERAS, *rest])
    if first == CAMERAS and rest:
        of_video = meant(".".join(written_as((first, *rest)))) or ""
        group, _, inner = of_video.partition(".")
        return ".".join((CAMERAS, rest[0], inner)) if group == "video" else None
    known = [".".join(name) for name, _ in keys()]
    last = key.rpartition(".")[2]
    same = [name for name in known if name.rpartition(".")[2] == last]
    near = difflib.get_close_matches(key, same or known, n=1, cutoff=0.0 if len(same) == 1 else 0.7)
    if not near:
        lasts = {name.rpartition(".")[2]: name for name in known}
        near = [lasts[name] for name in difflib.get_close_matches(last, lasts, n=1, cutoff=0.8)]
    return near[0] if near else None


def unknown_variables(variables: Mapping[str, str]) -> list[str]:
    """Complain about variables that begin like ours and are in no group of settings."""
    sections = tuple(f"{ENV_PREFIX}{name.upper()}__" for name in Settings.model_fields)
    whole = {CONFIG_VARIABLE, variable((CAMERAS,))}
    return [
        f"environment variable {name} is not a setting"
        + (
            _variable_meant(name)
            or f"; names begin with one of {', '.join(sections)} (or are {CONFIG_VARIABLE})"
        )
        for name in sorted(variables)
        if name not in whole and not name.startswith(sections)
    ]


def unknown_options(arguments: Sequence[str]) -> str:
    """Name what the unknown options of a command line may have meant; empty: nothing near."""
    known = {".".join(name) for name, _ in keys()}
    told = []
    for argument in arguments:
        name = argument.removeprefix("--").partition("=")[0]
        if argument.startswith("--") and name not in known:
            near = meant(name)
            told += [f"--{near}"] if near is not None else []
    return f"; did you mean {', '.join(told)}?" if told else ""


def sentence(detail: ErrorDetails, variables: Mapping[str, str]) -> str:
    """One problem as: key, value, rule; without the value where it is a secret.

    Args:
        detail: Of pydantic.
        variables: Long names of the environment variables that were given.
    """
    location, value = detail["loc"], detail["input"]
    if location[-1:] == OF_KEY:
        location = location[:-2]
    key = ".".join(str(name) for name in location) or "settings"
    if detail["type"] == "extra_forbidden":
        return _GONE.get(location) or _no_setting(key, value, variables)
    shown = f" {value!r}" if isinstance(value, (str, int, float)) and _public(location) else ""
    allowed = allowed_values(location)
    rule = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    rule = _RULES.get(detail["type"], rule)
    near = _value_meant(location, value) if shown else ""
    return f"{key}{shown}: {f'must be {allowed}' if allowed else rule}{near}"


def _public(location: tuple[int | str, ...]) -> bool:
    """Whether what was written there may be shown: not where a secret may have been meant."""
    if location[:2] in {("api",), ("api", "auth")}:
        return False
    return location[:1] != (CAMERAS,) or len(location) > len((CAMERAS, "door"))


def _no_setting(key: str, value: Any, variables: Mapping[str, str]) -> str:  # noqa: ANN401 - JSON
    spelt = ENV_PREFIX + key.upper().replace(".", "__")
    for name in variables:
        if name.upper() == spelt or name.upper().startswith(f"{spelt}__"):
            return f"environment variable {name} is not a setting{_variable_meant(name) or _LISTED}"
    while isinstance(value, dict) and value:  # a group that is none: name what was to be set
        name, value = next(iter(value.items()))
        key = f"{key}.{name}"
    near = meant(key)
    return f"{key} is not a setting" + (f"; did you mean {near}?" if near else _LISTED)


def _variable_meant(name: str) -> str:
    near = meant(name.removeprefix(ENV_PREFIX).lower().replace("__", "."))
    return f"; did you mean {variable(tuple(near.split('.')))}?" if near is not None else ""


def _value_meant(location: tuple[int | str, ...], value: object) -> str:
    """The one of a few allowed words that is near."""
    field = field_at(location)
    if field is None or get_origin(field.annotation) is not Literal or not isinstance(value, str):
        return ""
    words = {word.lower(): word for word in get_args(field.annotation)}
    near = difflib.get_close_matches(value.lower(), words, n=1, cutoff=0.6)
    return f"; did you mean {words[near[0]]!r}?" if near else ""
