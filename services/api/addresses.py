"""How many streams each client address has, over all workers: one table per place.

A worker writes the table of its place alone, and everybody reads all of them::

    marks[place]                 how far the place's table reaches
    addresses[place][entry]      hashes of all addresses, then the streams of each
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, Literal

from services.api.access.proxies import one_client

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AddressTables", "Addresses"]

_ENTRIES: Final = 8192
"""Different client addresses that can stream from one worker where they are limited."""


class AddressTables:
    """The tables of all places.

    Args:
        places: How many there are.
        shared: Makes so many words of a kind, all 0, that processes forked later have in common.

    Attributes:
        marks: One per place.
        addresses: Of all places, one after the other.
    """

    def __init__(
        self, places: int, shared: Callable[[int, Literal["Q", "d"]], memoryview[Any]]
    ) -> None:
        self.marks = shared(places, "Q")
        self.addresses = shared(places * 2 * _ENTRIES, "Q")

    def clear(self, place: int) -> None:
        """Nobody looks at the addresses of a place any more."""
        self.marks[place] = 0


class Addresses:
    """The table of one place, as its worker writes it; and what it sees of all.

    Args:
        tables: Of all places.
        place: Whose.
    """

    def __init__(self, tables: AddressTables, place: int) -> None:
        self._tables = tables
        self._place = place
        self._hashes = 2 * _ENTRIES * place
        self._counts = self._hashes + _ENTRIES
        self._entries: dict[int, int] = {}
        self._spare: list[int] = []

    @staticmethod
    def key(address: str) -> int:
        """What stands for an address; of IPv6 a /64 network is one client."""
        text = one_client(address).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")

    def enter(self, key: int) -> bool:
        """Count a stream of an address; says whether there was room for it."""
        addresses, mark = self._tables.addresses, self._tables.marks[self._place]
        entry = self._entries.get(key)
        if entry is None:
            if not self._spare and mark == _ENTRIES:
                return False
            entry = self._entries[key] = self._spare.pop() if self._spare else mark
            addresses[self._counts + entry] = 0  # left by who had the place before
            addresses[self._hashes + entry] = key
            self._tables.marks[self._place] = max(mark, entry + 1)
        addresses[self._counts + entry] += 1
        return True

    def leave(self, key: int) -> None:
        """A stream of an address that was counted has ended."""
        entry, addresses = self._entries[key], self._tables.addresses
        addresses[self._counts + entry] -= 1
        if addresses[self._counts + entry] == 0:
            del self._entries[key]
            self._spare.append(entry)

    def streams_from(self, key: int) -> int:
        """Streams of an address, in all workers."""
        addresses, total = self._tables.addresses, 0
        for number, mark in enumerate(self._tables.marks.tolist()):
            first = 2 * _ENTRIES * number
            hashes = addresses[first : first + mark].tolist()
            if key in hashes:
                counts = addresses[first + _ENTRIES : first + _ENTRIES + mark].tolist()
                pairs = zip(hashes, counts, strict=True)
                total += sum(count for known, count in pairs if known == key)
        return total
