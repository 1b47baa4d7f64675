"""What settings are read from: file and variables, and whether they are as they were.

Knows no setting, and only the standard library: programs that must be cheap may import it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "CONFIG_VARIABLE",
    "ENV_PREFIX",
    "SHORT_FORMS",
    "config_file",
    "file_argument",
    "fingerprint",
    "process_environment",
]

ENV_PREFIX: Final = "RINGCAST_"
CONFIG_VARIABLE: Final = "RINGCAST_CONFIG"
_DEFAULT_CONFIG: Final = Path("config.json")
SHORT_FORMS: Final = (
    ("VIDEO_FILE", "RINGCAST_VIDEO__SOURCE", "file:"),
    ("VIDEO_SOURCE", "RINGCAST_VIDEO__SOURCE", ""),
    ("LOG_LEVEL", "RINGCAST_LOGGING__LEVEL", ""),
)
"""Short variable, long one, what to put before its value; a later line wins over an earlier one,
the long form over all."""


def process_environment() -> Mapping[str, str]:
    """The variables of this process."""
    return os.environ


def file_argument(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """The configuration file that a command line begins with, and what follows it.

    Args:
        arguments: Without the program, and without what is no business of the settings.
    """
    named = bool(arguments) and not arguments[0].startswith("-")
    return (Path(arguments[0]) if named else None), list(arguments[named:])


def config_file(environ: Mapping[str, str], path: Path | None = None) -> Path | None:
    """The configuration file that is read; None: there is none, and none was asked for.

    Args:
        environ: Variables.
        path: The one named by an argument; None: ``$RINGCAST_CONFIG``, else ``config.json``.
    """
    if path is not None:
        return path
    named = environ.get(CONFIG_VARIABLE)
    if named is None:
        return _DEFAULT_CONFIG if _DEFAULT_CONFIG.exists() else None
    return Path(named)


def fingerprint(environ: Mapping[str, str]) -> str:
    """A digest of everything that settings are read from: the same one, the same settings.

    Raises:
        OSError: The configuration file cannot be read.
    """
    short = {name for name, _, _ in SHORT_FORMS}
    ours = sorted(
        (name, value)
        for name, value in environ.items()
        if name in short or name.startswith(ENV_PREFIX)
    )
    path = config_file(environ)
    content = path.read_bytes() if path is not None else b""
    return hashlib.sha256(repr((ours, content)).encode("utf-8", "surrogateescape")).hexdigest()
