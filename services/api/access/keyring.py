"""The credentials that are valid now: those of the settings, and those of the file, read anew.

The file is looked at when somebody asks, once a second at most. A change counts from the next
request on; streams that are open go on. A file that has become wrong, or is gone, changes nothing:
what was valid stays so, and the log says why.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from services.api.access.credentials import of_setting
from services.api.access.credentials_file import identity, read
from shared.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.api.access.credentials import Credentials
    from services.api.access.credentials_file import Identity
    from shared.settings_api import AuthSettings

__all__ = ["Keyring", "public_warning"]

log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 1.0


class Keyring:
    """The credentials of one worker.

    A file that cannot be read at first opens nothing, for a worker that comes later must not end
    the others: the start of the API refuses it (``start.py``).

    Args:
        settings: ``api.auth``.
        clock: Monotonic, seconds.
    """

    def __init__(self, settings: AuthSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._fixed = of_setting(settings)
        self._path = settings.credentials_file
        self._clock = clock
        self._current = self._fixed
        self._seen: Identity | None = None
        self._complaint = ""
        self._looked_at = float("-inf")
        self._loads = 0

    def current(self) -> Credentials:
        """What is valid now."""
        if self._path is not None and self._clock() - self._looked_at >= _LOOK_EVERY_S:
            self._looked_at = self._clock()
            self._look(self._path)
        return self._current

    def _look(self, path: Path) -> None:
        try:
            if identity(path.stat()) == self._seen and not self._complaint:
                return
            reading = read(path)
        except (ConfigError, OSError) as error:
            self._complain(path, error)
            return
        self._seen, self._complaint = reading.identity, ""
        self._current = self._fixed | reading.credentials
        self._loads += 1
        if self._loads > 1:
            new = reading.credentials
            log.info(
                "credentials file %s was read anew: %d tokens, %d passwords, %d signing keys",
                *(path, len(new.tokens), len(new.passwords), len(new.keys)),
            )
            if not new:
                log.warning("credentials file %s has no credential in it: it lets nobody in", path)
            if reading.public:
                log.warning(public_warning(path))

    def _complain(self, path: Path, error: ConfigError | OSError) -> None:
        """Say once for each new reason why the file could not be taken."""
        problems = (
            error.problems if isinstance(error, ConfigError) else [f"{path}: {error.strerror}"]
        )
        complaint = "; ".join(problems)
        if complaint != self._complaint:
            self._complaint = complaint
            log.error("%s. What was valid before stays so", complaint)


def public_warning(path: Path) -> str:
    """What is said of a credentials file that is open to everybody."""
    return f"credentials file {path} may be read by everybody on this machine: chmod o-r {path}"
