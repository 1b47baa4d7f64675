"""The sheets of the ledger: at each place, one row of numbers per camera, under the camera's name.

Cameras come and go while the server runs, so nobody knows their names before the fork. Each place
has a table of names that its worker alone fills, from the top, and never takes anything out of: so
there is nothing to lock, and who was stopped or killed in the middle holds nobody up. A name holds
once the place's number of rows says so (docs/adr/0028)::

    rows[place]                 names that hold
    names[place][row]           128 bytes: length of the name in UTF-8, and the name
    cells[place][row][column]   clients of that camera now, then its counters (``Counters.cells``)

What nobody touches takes no memory. Whoever has a place next finds its names and numbers, and so
does a camera that comes again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Literal

from shared.fence import fence

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OTHERS", "Sheets"]

log = logging.getLogger(__name__)

OTHERS: Final = "(others)"
"""What all cameras are counted as for which a place has no row any more; none can be named so."""

_ROWS: Final = 512
"""Names at a place in all the server's life; the last row is for ``OTHERS``."""
_UNLISTED_ROWS: Final = _ROWS // 2
"""Rows that cameras may take of which no list tells: clients choose those, and their names."""
_NAME_BYTES: Final = 128
_LONGEST: Final = _NAME_BYTES - 1


class Sheets:
    """The rows of all places.

    Args:
        places: How many there are.
        columns: Numbers in a row.
        shared: Makes so many words of a kind, all 0, that processes forked later have in common.
    """

    def __init__(
        self,
        places: int,
        columns: int,
        shared: Callable[[int, Literal["Q", "d"]], memoryview[Any]],
    ) -> None:
        self._columns = columns
        self._rows = shared(places, "Q")
        self._names = shared(places * _ROWS * _NAME_BYTES // 8, "Q").cast("B")
        self._cells = shared(places * _ROWS * columns, "d")
        self._known: dict[int, dict[str, int]] = {}

    def claim(self, place: int, name: str, *, listed: bool = True) -> None:
        """Have a row for a camera, or for all ``OTHERS``; by the worker that has the place only.

        Args:
            place: The worker's.
            name: Of the camera, at most 127 bytes.
            listed: Whether lists tell of the camera; the others get fewer rows.

        Raises:
            ValueError: The name is too long.
        """
        rows = self._rows[place]
        if name in self._names_at(place):
            return
        if name != OTHERS and rows >= (_ROWS - 1 if listed else _UNLISTED_ROWS):
            if OTHERS not in self._names_at(place):
                log.warning("%s, and what further cameras come, is counted as %s", name, OTHERS)
                self.claim(place, OTHERS)
            return
        text = name.encode()
        if len(text) > _LONGEST:
            raise ValueError(f"camera name of {len(text)} bytes; {_LONGEST} are the most")
        start = self._name_at(place, rows)
        self._names[start] = len(text)
        self._names[start + 1 : start + 1 + len(text)] = text
        # ORDER: the name is there before the number says that it holds.
        fence()
        self._rows[place] = rows + 1

    def row(self, place: int, name: str) -> memoryview[Any]:
        """The cells of a camera at a place that has claimed a row for it."""
        return self._row(place, self._counted_as(place, name))

    def rows(self, place: int, name: str) -> list[memoryview[Any]]:
        """The cells of a camera at every place, counted there as it is counted at this one."""
        name = self._counted_as(place, name)
        places = [other for other, rows in enumerate(self._rows.tolist()) if rows]
        return [self._row(other, name) for other in places if name in self._names_at(other)]

    def clear_clients(self, place: int) -> None:
        """Nobody at a place watches any more, whatever the camera; the counters stay."""
        first = place * _ROWS * self._columns
        for row in range(self._rows[place]):
            self._cells[first + row * self._columns] = 0.0

    def _counted_as(self, place: int, name: str) -> str:
        return name if name in self._names_at(place) else OTHERS

    def _row(self, place: int, name: str) -> memoryview[Any]:
        first = (place * _ROWS + self._names_at(place)[name]) * self._columns
        return self._cells[first : first + self._columns]

    def _names_at(self, place: int) -> dict[str, int]:
        """Row by name; read from the shared memory only as far as that has grown."""
        known = self._known.setdefault(place, {})
        rows = self._rows[place]
        if len(known) < rows:
            # ORDER: how many names hold is known before they are read.
            fence()
            for row in range(len(known), rows):
                start = self._name_at(place, row)
                end = start + 1 + self._names[start]
                known[bytes(self._names[start + 1 : end]).decode()] = row
        return known

    @staticmethod
    def _name_at(place: int, row: int) -> int:
        return (place * _ROWS + row) * _NAME_BYTES
