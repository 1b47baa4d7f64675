"""Complaints of what is looked at again and again: each reason is said once while it lasts."""

from __future__ import annotations

import logging

__all__ = ["Complaints"]

log = logging.getLogger(__name__)


class Complaints:
    """Warns of a reason at the first look that gives it; again only after looks that did not."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._this_look: set[str] = set()

    def say(self, reason: str, text: str) -> None:
        """Warn, unless that was done.

        Args:
            reason: In a word; looks are compared by it.
            text: For the log.
        """
        if reason not in self._said:
            log.warning("%s", text)
        self._said.add(reason)
        self._this_look.add(reason)

    def end_look(self) -> None:
        """Forget what was not said in this look."""
        self._said, self._this_look = self._this_look, set()
