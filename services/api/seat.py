"""A stream that was let in, and the error of one that was not."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Seat", "TooManyStreams"]


class TooManyStreams(Exception):  # noqa: N818 - named after the state
    """There are as many streams as may be.

    Attributes:
        limit: How many may be.
        setting: The setting that says so.
    """

    def __init__(self, whose: str, limit: int, setting: str) -> None:
        streams = "1 stream" if limit == 1 else f"{limit} streams"
        super().__init__(
            f"{whose} {streams} open already, as many as {setting} allows. "
            "Close one, or try again later."
        )
        self.limit = limit
        self.setting = setting


class Seat:
    """One stream that was let in; left when it ends, and in any case when nobody has it any more.

    Args:
        give_back: Undoes what was counted.
    """

    __slots__ = ("__weakref__", "_give_back")

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back = weakref.finalize(self, give_back)
        self._give_back.atexit = False

    def leave(self) -> None:
        """Give it back; again is harmless."""
        self._give_back()
