"""What must be right before the API begins: files of credentials and certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.api.access.credentials_file import read
from services.api.access.exposure import is_on
from services.api.access.keyring import public_warning
from services.api.access.tls import check_files
from shared.errors import ConfigError

if TYPE_CHECKING:
    from shared.settings_api import ApiSettings

__all__ = ["check_files_of"]


def check_files_of(settings: ApiSettings) -> list[str]:
    """Try every file that the settings name.

    Returns:
        Warnings.

    Raises:
        ConfigError: With a sentence for everything that is wrong.
    """
    problems, warnings = list[str](), list[str]()
    try:
        check_files(settings.tls)
    except ConfigError as error:
        problems += error.problems
    try:
        warnings += _check_credentials(settings)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return warnings


def _check_credentials(settings: ApiSettings) -> list[str]:
    auth = settings.auth
    if not is_on(auth):
        return []
    warnings = []
    known = auth.token is not None
    if auth.credentials_file is not None:
        reading = read(auth.credentials_file)
        known = known or bool(reading.credentials)
        warnings = [public_warning(auth.credentials_file)] if reading.public else []
    if not known:
        problem = (
            "authentication is required and there is no credential: set RINGCAST_API__AUTH__TOKEN, "
            "or RINGCAST_API__AUTH__CREDENTIALS_FILE to a file with at least one"
        )
        raise ConfigError([problem])
    return warnings
