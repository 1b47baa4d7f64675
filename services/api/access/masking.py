"""Keeps secrets out of the log, whoever writes the line: ours, gunicorn's, a traceback."""

from __future__ import annotations

import logging
import re
from typing import Final

__all__ = ["MASK", "MaskingFormatter", "masked"]

MASK: Final = "***"
_SECRETS: Final = re.compile(
    r"""
    (?P<query>\btoken=)(?:[^&\s"'\\]|\\[^"'])+   # in an address; an escape of JSON stays whole
    | (?P<header>\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{16,}
    | (?P<user>://[^/\s:@"']*:)[^/\s@"']+(?=@)
    | (?P<key>\b[A-Za-z0-9_-]{1,32}\.)[A-Za-z0-9_-]{43}\b   # a signature under another name
    """,
    re.VERBOSE | re.IGNORECASE,
)


def masked(text: str) -> str:
    """The text without the values of ``token=``, credentials of headers, and signatures."""
    return _SECRETS.sub(lambda found: f"{found[found.lastgroup or 0]}{MASK}", text)


class MaskingFormatter(logging.Formatter):
    """Masks what another formatter has laid out, traceback included.

    Args:
        formatter: The other one.
    """

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        """Lay out one record."""
        return masked(self._formatter.format(record))
