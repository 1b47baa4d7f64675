"""Whether the configuration file is another one by now, read once somebody has finished writing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shared.errors import ConfigError
from shared.settings import load_settings
from shared.settings_inputs import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.settings import Settings

__all__ = ["Changes"]

log = logging.getLogger(__name__)


class Changes:
    """Looks at the configuration file, when it is asked to.

    Args:
        environment: What the settings are read from, with the name of the file.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._taken = self._seen = self._look()

    def look(self) -> Settings | None:
        """New settings, if the file has changed and looks as it did the last time.

        Wrong ones are told once, and change nothing.

        Returns:
            None: there is nothing new.
        """
        before, self._seen = self._seen, self._look()
        if self._seen in {None, self._taken} or self._seen != before:
            return None
        self._taken = self._seen
        try:
            return load_settings(environ=self._environment)
        except ConfigError as error:
            for problem in error.problems:
                log.error("%s. What was valid before stays so", problem)  # noqa: TRY400
            return None

    def _look(self) -> str | None:
        """A digest; None: somebody is just replacing the file."""
        try:
            return fingerprint(self._environment)
        except OSError:
            return None
