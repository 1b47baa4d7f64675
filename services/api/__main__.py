"""The API's settings: ``python -m services.api --print-config [--api.port=…]``.

The API itself is started by gunicorn, which takes no options of ours: without ``--print-config``
this says how. Exit codes: 0 printed; 2 the settings are wrong, or nothing was asked for.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from shared.errors import ConfigError
from shared.settings_origin import print_config

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_USAGE: Final = """\
usage: python -m services.api --print-config[=json]
The API is started by gunicorn:  gunicorn -c services/api/gunicorn.conf.py
"""


def main(arguments: Sequence[str]) -> int:
    """Print the settings in force, or how the API is started.

    Args:
        arguments: Of the command line, without the program.

    Returns:
        The exit code.
    """
    try:
        printed = print_config(arguments)
    except ConfigError as error:
        sys.stderr.write(error.lines)
        return 2
    if printed is None:
        sys.stderr.write(_USAGE)
        return 2
    sys.stdout.write(printed)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
