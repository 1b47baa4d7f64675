"""What all workers of this server know of each other: connections, streams, counters.

One piece of memory, mapped before the fork. Each worker has a place in it that it alone writes, and
everybody reads; there is no lock, so nobody waits for a worker that hangs. The arbiter gives the
places out and takes them back, however a worker ended (docs/adr/0021)::

    connections[place]           number + 1; 0: nobody has the place
    streams[place]               streams admitted
    marks[place]                 how far the place's addresses reach
    addresses[place][entry]      hash of a client's address, its streams
    sheet of a ring [place][..]  clients of that camera now, then its counters (``Counters.cells``)
    bulletins                    a text per place, see ``bulletin.py``

Counters and bulletins stay when a worker ends, and whoever has the place next counts on from there:
so sums over all places never go back, and nobody has to move anything. Every cell is one machine
word.
"""

from __future__ import annotations

import hashlib
import mmap
from typing import TYPE_CHECKING, Any, Final, Literal

from services.api.access.proxies import one_client
from services.api.bulletin import Bulletins
from services.api.counters import Counters
from services.api.seat import Seat, TooManyStreams
from shared.fence import fence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.settings_api import LimitsSettings

__all__ = ["LEGACY", "Ledger", "Place"]

LEGACY: Final = "video (legacy)"
"""Sheet of the default camera as captured by ourselves; no camera can be named so."""

_PLACES: Final = 256
"""Workers that can live at a time; 64 may be configured, and a reload has two generations."""
_ENTRIES: Final = 8192
"""Different client addresses that can stream from one worker where they are limited."""
_COLUMNS: Final = 1 + len(Counters().cells())


class Ledger:
    """All places. Made by the arbiter, once in its life; workers inherit it.

    Attributes:
        connections: See the top of this file, as all of these.
        streams: One per place.
        marks: One per place.
        addresses: Of all places, one after the other: first all hashes, then their streams.
        sheets: By camera; one row per place.
        bulletins: One per place.
    """

    def __init__(self) -> None:
        self.connections = _shared(_PLACES, "Q")
        self.streams = _shared(_PLACES, "Q")
        self.listening = _shared(_PLACES, "Q")
        self.marks = _shared(_PLACES, "Q")
        self.addresses = _shared(_PLACES * 2 * _ENTRIES, "Q")
        self.sheets: dict[str, memoryview[Any]] = {}
        self.bulletins = Bulletins(_PLACES, lambda words: _shared(words, "Q"))
        self._taken: set[int] = set()

    def take(self, cameras: Iterable[str] = ()) -> Place:
        """Give out a place, before the worker is forked that will have it.

        Args:
            cameras: Names of its cameras; those that are new get their sheet now.

        Raises:
            RuntimeError: So many workers live at the same time as there are places.
        """
        for camera in cameras:
            if camera not in self.sheets:
                self.sheets[camera] = _shared(_PLACES * _COLUMNS, "d")
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
        self.marks[number] = 0  # nobody looks at its addresses any more
        for sheet in self.sheets.values():
            sheet[number * _COLUMNS] = 0.0
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
        self._hashes = 2 * _ENTRIES * number
        self._counts = self._hashes + _ENTRIES
        self._entries: dict[int, int] = {}
        self._spare: list[int] = []
        self.bulletins = ledger.bulletins
        self.left = ledger.bulletins.read(number)
        # what those who had the place before have counted
        self._begun = {camera: self._row(camera).tolist()[1:] for camera in ledger.sheets}

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
        key = _hash(one_client(address)) if most else None
        self._ledger.streams[self.number] += 1
        self._row(camera)[0] += 1
        known = key is None or self._enter(key)
        seat = Seat(lambda: self._leave(camera, key if known else None))
        # ORDER: all others see our own count before we look at theirs.
        fence()
        if self.streams() > limits.max_streams:
            seat.leave()
            whose = "The workers of this server together have"
            raise TooManyStreams(whose, limits.max_streams, "api.limits.max_streams")
        if not known or (key is not None and self._streams_from(key) > most):
            seat.leave()
            raise TooManyStreams(f"{address} has", most, "api.limits.max_streams_per_address")
        return seat

    def publish(self, camera: str, counters: Counters) -> None:
        """Say what happened to a camera's frames in this worker."""
        row = self._row(camera)
        for column, (begun, cell) in enumerate(
            zip(self._begun[camera], counters.cells(), strict=True), 1
        ):
            row[column] = begun + cell

    def taken(self) -> list[int]:
        """The places that workers have now."""
        return [number for number, count in enumerate(self._ledger.connections.tolist()) if count]

    def clients(self, camera: str) -> int:
        """Streams of a camera that are open, in all workers."""
        return int(sum(self._ledger.sheets[camera][::_COLUMNS].tolist()))

    def sums(self, camera: str) -> list[float]:
        """``Counters.cells`` over all workers, those that have ended among them."""
        cells = self._ledger.sheets[camera].tolist()
        return [sum(cells[column::_COLUMNS]) for column in range(1, _COLUMNS)]

    def _row(self, camera: str) -> memoryview[Any]:
        first = self.number * _COLUMNS
        return self._ledger.sheets[camera][first : first + _COLUMNS]

    def _leave(self, camera: str, key: int | None) -> None:
        self._ledger.streams[self.number] -= 1
        self._row(camera)[0] -= 1
        if key is None:
            return
        entry, addresses = self._entries[key], self._ledger.addresses
        addresses[self._counts + entry] -= 1
        if addresses[self._counts + entry] == 0:
            del self._entries[key]
            self._spare.append(entry)

    def _enter(self, key: int) -> bool:
        """Count a stream of an address; says whether there was room for it."""
        addresses, mark = self._ledger.addresses, self._ledger.marks[self.number]
        entry = self._entries.get(key)
        if entry is None:
            if not self._spare and mark == _ENTRIES:
                return False
            entry = self._entries[key] = self._spare.pop() if self._spare else mark
            addresses[self._counts + entry] = 0  # left by who had the place before
            addresses[self._hashes + entry] = key
            self._ledger.marks[self.number] = max(mark, entry + 1)
        addresses[self._counts + entry] += 1
        return True

    def _streams_from(self, key: int) -> int:
        addresses, total = self._ledger.addresses, 0
        for number, mark in enumerate(self._ledger.marks.tolist()):
            first = 2 * _ENTRIES * number
            hashes = addresses[first : first + mark].tolist()
            if key in hashes:
                counts = addresses[first + _ENTRIES : first + _ENTRIES + mark].tolist()
                pairs = zip(hashes, counts, strict=True)
                total += sum(count for known, count in pairs if known == key)
        return total


def _shared(cells: int, kind: Literal["Q", "d"]) -> memoryview[Any]:
    """Zeros that processes forked later have in common; what nobody touches takes no memory."""
    return memoryview(mmap.mmap(-1, 8 * cells)).cast("B").cast(kind)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
