"""The settings in force: read by the arbiter at the start and at a reload, inherited by workers.

Neither a reload nor a worker that comes later may end the streams because a file is wrong by now:
what was valid stays so, and the log says why.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from services.api.access.tls import check_files
from shared.errors import ConfigError
from shared.settings import load_settings

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = ["in_force", "settle"]

log = logging.getLogger(__name__)

_last: list[Settings] = []


def settle() -> Settings:
    """Read the settings; wrong ones are refused at the start, and change nothing afterwards.

    Raises:
        ConfigError: They are wrong, and there are none from before.
    """
    try:
        settings = load_settings()
        if _last:  # at the start all files are tried together, see on_starting
            check_files(settings.api.tls)
        _last[:] = [settings]
    except ConfigError as error:
        if not _last:
            raise
        log.error("%s. What was valid before stays so", "; ".join(error.problems))  # noqa: TRY400
    return _last[0]


def in_force() -> Settings:
    """What the arbiter has read last; without one, what stands there now.

    Raises:
        ConfigError: There is no arbiter, and they are wrong.
    """
    return _last[0] if _last else load_settings()
