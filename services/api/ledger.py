"""What all workers of this server know of each other: connections, streams, counters.

One piece of memory, mapped before the fork. Each worker has a place in it that it alone writes, and
everybody reads; there is no lock, so nobody waits for a worker that hangs. The arbiter gives the
places out and takes them back, however a worker ended (docs/adr/0021)::

    connections[place]           number + 1; 0: nobody has the place
    streams[place]               streams admitted
    addresses                    a table of clients per place, see ``addresses.py``
    sheets                       a row of counters per place and camera, see ``sheets.py``
    bulletins                    a text per place, see ``bulletin.py``

Counters and bulletins stay when a worker ends, and whoever has the place next counts on from there:
so sums over all places never go back, and nobody has to move anything. Every cell is one machine
word.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any, Final, Literal

from services.api.addresses import Addresses, AddressTables
from services.api.bulletin import Bulletins
from services.api.counters import Counters
from services.api.seat import Seat, TooManyStreams
from services.api.sheets import Sheets
from shared.fence import fence

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.settings_api import LimitsSettings

__all__ = ["LEGACY", "Ledger", "Place"]

LEGACY: Final = "video (legacy)"
"""Sheet of the default camera as captured by ourselves; no camera can be named so."""

_PLACES: Final = 256
"""Workers that can live at a time; 64 may be configured, and a reload has two generations."""
_COLUMNS: Final = 1 + len(Counters().cells())


class Ledger:
    """All places. Made by the arbiter, once in its life; workers inherit it.

    Attributes:
        connections: See the top of this file, as all of these.
        streams: One per place.
        addresses: One table per place.
        sheets: One row per place and camera.
        bulletins: One per place.
    """

    def __init__(self) -> None:
        self.connections = _shared(_PLACES, "Q")
        self.streams = _shared(_PLACES, "Q")
        self.listening = _shared(_PLACES, "Q")
        self.addresses = AddressTables(_PLACES, _shared)
        self.sheets = Sheets(_PLACES, _COLUMNS, _shared)
        self.bulletins = Bulletins(_PLACES, lambda words: _shared(words, "Q"))
        self._taken: set[int] = set()

    def take(self) -> Place:
        """Give out a place, before the worker is forked that will have it.

        Raises:
            RuntimeError: So many workers live at the same time as there are places.
        """
        number = next((n for n in range(_PLACES) if n not in self._taken), None)
        if number is None:
            raise RuntimeError(f"{_PLACES} workers live at the same time, and no more can")
        self._taken.add(number)
        place = Place(self, number)
        place.note(0)  # it will be there in a moment: others leave it its share from now on
        return place

    def free(self, place: Place) -> None:
        """Take a place back when its worker has ended; its counters stay."""
        number = place.number
        self.connections[number] = 0
        self.streams[number] = 0
        self.listening[number] = 0
        self.addresses.clear(number)
        self.sheets.clear_clients(number)
        self._taken.discard(number)


class Place:
    """What one worker says of itself, and what it sees of all. Used by that worker's hub only.

    A ``Seat`` that nobody left may be given back by the garbage collector in a thread of the
    encoder: then a count may be off by one until the worker ends. Everybody leaves theirs.

    Args:
        ledger: Whose place.
        number: Which one.

    Attributes:
        number: Which one.
        bulletins: Of all places; it posts its own only.
        left: The bulletin of whoever had the place before; empty: nobody had, or said anything.
    """

    def __init__(self, ledger: Ledger, number: int) -> None:
        self.number = number
        self._ledger = ledger
        self._addresses = Addresses(ledger.addresses, number)
        self.bulletins = ledger.bulletins
        self.left = ledger.bulletins.read(number)
        self._told: dict[str, list[float]] = {}

    def open(self, camera: str, *, listed: bool = True) -> None:
        """Count a camera from now on, upon what was counted of it here before.

        Args:
            camera: Its name.
            listed: Whether lists tell of it.
        """
        self._ledger.sheets.claim(self.number, camera, listed=listed)
        self._told[camera] = [0.0] * (_COLUMNS - 1)

    def close(self, camera: str) -> None:
        """Count a camera no more; its numbers stay, and its streams may still leave."""
        del self._told[camera]

    def note(self, connections: int) -> None:
        """Say how many connections this worker has."""
        self._ledger.connections[self.number] = connections + 1

    def listen(self) -> None:
        """Say that this worker accepts clients from now on."""
        self._ledger.listening[self.number] = 1

    def retire(self) -> None:
        """Say that this worker is leaving: it accepts clients only where nobody else does."""
        self._ledger.listening[self.number] = 0

    def others_listen(self) -> bool:
        """Whether another worker accepts clients, and is not leaving."""
        listening = self._ledger.listening.tolist()
        return sum(listening) > listening[self.number]

    @property
    def listens(self) -> bool:
        """Whether this worker has begun to accept clients."""
        return bool(self._ledger.listening[self.number])

    def fewest(self) -> int:
        """Connections of the worker that has the fewest; 0: there is no worker."""
        known = [count for count in self._ledger.connections.tolist() if count]
        return min(known, default=1) - 1

    def streams(self) -> int:
        """Streams of all workers."""
        return sum(self._ledger.streams.tolist())

    def admit(self, camera: str, address: str, limits: LimitsSettings) -> Seat:
        """Let one more stream in, if there may be one.

        It is counted first and looked for afterwards: of two workers that take the last one at the
        same time both may refuse, but never are there too many.

        Args:
            camera: Which one.
            address: Of the client.
            limits: ``api.limits.*``.

        Raises:
            TooManyStreams: There may not.
        """
        most = limits.max_streams_per_address
        key = Addresses.key(address) if most else None
        row = self._row(camera)
        self._ledger.streams[self.number] += 1
        row[0] += 1
        known = key is None or self._addresses.enter(key)
        seat = Seat(lambda: self._leave(row, key if known else None))
        # ORDER: all others see our own count before we look at theirs.
        fence()
        if self.streams() > limits.max_streams:
            seat.leave()
            whose = "The workers of this server together have"
            raise TooManyStreams(whose, limits.max_streams, "api.limits.max_streams")
        if not known or (key is not None and self._addresses.streams_from(key) > most):
            seat.leave()
            raise TooManyStreams(f"{address} has", most, "api.limits.max_streams_per_address")
        return seat

    def publish(self, camera: str, counters: Counters) -> None:
        """Say what happened to a camera's frames in this worker since it was opened."""
        cells, told = counters.cells(), self._told[camera]
        if cells == told:
            return
        row = self._row(camera)
        for column, (cell, before) in enumerate(zip(cells, told, strict=True), 1):
            if cell != before:
                row[column] += cell - before
        self._told[camera] = cells

    def taken(self) -> list[int]:
        """The places that workers have now."""
        return [number for number, count in enumerate(self._ledger.connections.tolist()) if count]

    def all_of(self, wanted: Callable[[str], bool]) -> tuple[int, list[float]] | None:
        """Streams and ``Counters.cells`` of many cameras together, in all workers; None: none is.

        Args:
            wanted: Says whether a camera of a name is one of them.
        """
        rows = self._ledger.sheets.rows_where(wanted)
        sums = [sum(column) for column in zip(*rows, strict=True)]
        return (int(sums[0]), sums[1:]) if rows else None

    def clients(self, camera: str) -> int:
        """Streams of a camera that are open, in all workers."""
        return int(sum(row[0] for row in self._rows(camera)))

    def sums(self, camera: str) -> list[float]:
        """``Counters.cells`` over all workers, those that have ended among them."""
        rows = [row.tolist()[1:] for row in self._rows(camera)]
        return [sum(column) for column in zip(*rows, strict=True)] or [0.0] * (_COLUMNS - 1)

    def _row(self, camera: str) -> memoryview[Any]:
        return self._ledger.sheets.row(self.number, camera)

    def _rows(self, camera: str) -> list[memoryview[Any]]:
        return self._ledger.sheets.rows(self.number, camera)

    def _leave(self, row: memoryview[Any], key: int | None) -> None:
        self._ledger.streams[self.number] -= 1
        row[0] -= 1
        if key is not None:
            self._addresses.leave(key)


def _shared(cells: int, kind: Literal["Q", "d"]) -> memoryview[Any]:
    """Zeros that processes forked later have in common; what nobody touches takes no memory."""
    return memoryview(mmap.mmap(-1, 8 * cells)).cast("B").cast(kind)
