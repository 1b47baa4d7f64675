"""Reads a query string: values of the right kind and range, and everything that is wrong with it.

Parameters nobody knows are ignored: players add cache busters of their own (``?timestamp=…``).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["BadParameter", "BadParameters", "Query"]

_KEY: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OFF: Final = frozenset({"", "0", "false", "no"})


@dataclass(frozen=True, slots=True)
class BadParameter:
    """One query parameter with a value outside its range.

    Attributes:
        name: Of the parameter.
        value: As it was sent.
        allowed: The range, in words: "a whole number from 1 to 100".
    """

    name: str
    value: str
    allowed: str


class BadParameters(ValueError):  # noqa: N818 - it carries the parameters, all of them
    """One or more query parameters are wrong.

    Attributes:
        problems: All of them, in the order of the URL's documentation.
    """

    def __init__(self, problems: list[BadParameter]) -> None:
        super().__init__("; ".join(f"{p.name}={p.value!r} is not {p.allowed}" for p in problems))
        self.problems = problems


class Query:
    """Reads values out of a query string; collects what is wrong.

    Args:
        query: The parameters, as they were sent.

    Attributes:
        problems: What was wrong so far.
    """

    def __init__(self, query: Mapping[str, str]) -> None:
        self._query = query
        self.problems: list[BadParameter] = []

    def __contains__(self, name: str) -> bool:
        return name in self._query

    def text(self, name: str) -> str | None:
        """As it was sent; None: not given."""
        return self._query.get(name)

    def refuse(self, name: str, allowed: str) -> None:
        """Note that a parameter is wrong.

        Args:
            name: Of the parameter.
            allowed: What would be right, in words.
        """
        self.problems.append(BadParameter(name, self._query.get(name, ""), allowed))

    def check(self) -> None:
        """Nothing more is read.

        Raises:
            BadParameters: Naming every wrong value with its allowed range.
        """
        if self.problems:
            raise BadParameters(self.problems)

    def whole(self, name: str, least: int, most: int, or_else: str = "") -> int | None:
        """A whole number; None: not given, or wrong.

        Args:
            name: Of the parameter.
            least: Smallest number allowed, not below 0.
            most: Largest number allowed.
            or_else: What else is allowed, for the message.
        """
        text = self._query.get(name)
        if text is None:
            return None
        # isdigit alone lets other scripts' digits through, int() signs and underscores
        plain = text.isascii() and text.isdigit() and len(text) < 10  # noqa: PLR2004
        if plain and least <= int(text) <= most:
            return int(text)
        self.refuse(name, f"a whole number from {least} to {most}{or_else}")
        return None

    def number(self, name: str, least: float, most: float) -> float | None:
        """A number greater than 0; None: not given, or wrong."""
        text = self._query.get(name)
        if text is None:
            return None
        try:
            value = float(text) if text.isascii() and "_" not in text else math.nan
        except ValueError:
            value = math.nan
        if least <= value <= most:
            return value
        self.refuse(name, f"a number from {least:g} to {most:g}")
        return None

    def flag(self, name: str) -> bool:
        """A switch; off where it is not given."""
        return self._query.get(name, "0") not in _OFF

    def key(self, name: str) -> str:
        """A short name; empty: not given, or wrong."""
        text = self._query.get(name, "")
        if text and _KEY.fullmatch(text) is None:
            self.refuse(name, "1 to 64 characters of A-Z a-z 0-9 . _ -")
            return ""
        return text

    def choice(self, name: str, choices: Sequence[str]) -> str | None:
        """One of a few words; None: not given, or wrong."""
        text = self._query.get(name)
        if text is None or text in choices:
            return text
        self.refuse(name, " or ".join((", ".join(choices[:-1]), choices[-1])).removeprefix(" or "))
        return None
