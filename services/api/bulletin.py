"""What a worker says of itself that is no plain number: one text per place, whole or not at all.

Each place has room for two texts, and a word that says which of them holds. A worker writes the
other one and then turns the word, so a worker that is killed while it writes leaves the text before
it. A reader compares the length and CRC-32 that stand beside the text; they differ only where the
worker wrote twice meanwhile, and then it looks again (docs/adr/0023)::

    offset  size  type  field
         0     8  u64   which of the two holds: 0 or 1
         8    16  u64   length and CRC-32 of text 0; 0 and 0: nothing was said yet
        24    16  u64   of text 1
        64     …  bytes text 0, then text 1
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final

from shared.fence import fence

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TEXT_BYTES", "Bulletins"]

TEXT_BYTES: Final = 256 * 1024
"""The longest text: what 1,000 clients are takes 110 to 200 kB."""
_HEADER_BYTES: Final = 64
_PLACE_BYTES: Final = _HEADER_BYTES + 2 * TEXT_BYTES
_TRIES: Final = 8


class Bulletins:
    """The texts of all places.

    Args:
        places: How many there are.
        shared: Makes so many words, all 0, that processes forked later have in common.
    """

    def __init__(self, places: int, shared: Callable[[int], memoryview[Any]]) -> None:
        self._places = places
        self._words = shared(places * _PLACE_BYTES // 8)
        self._bytes = self._words.cast("B")

    def post(self, place: int, text: bytes) -> None:
        """Replace the text of a place; by the worker that has it only.

        Raises:
            ValueError: It is longer than ``TEXT_BYTES``.
        """
        if len(text) > TEXT_BYTES:
            raise ValueError(f"a bulletin of {len(text)} bytes; {TEXT_BYTES} are the most")
        word = place * _PLACE_BYTES // 8
        other = 1 - self._words[word]
        start = self._start(place, other)
        self._bytes[start : start + len(text)] = text
        self._words[word + 1 + 2 * other] = len(text)
        self._words[word + 2 + 2 * other] = zlib.crc32(text)
        # ORDER: the text is there before the word says that it holds.
        fence()
        self._words[word] = other

    def read(self, place: int) -> bytes:
        """The text of a place; empty: nothing was said there yet.

        Raises:
            RuntimeError: It was never whole, however often this looked.
        """
        word = place * _PLACE_BYTES // 8
        for _ in range(_TRIES):
            which = self._words[word]
            # ORDER: which one holds is known before it is read.
            fence()
            size, checksum = self._words[word + 1 + 2 * which], self._words[word + 2 + 2 * which]
            start = self._start(place, which)
            text = bytes(self._bytes[start : start + min(size, TEXT_BYTES)])
            if zlib.crc32(text) == checksum:
                return text
        raise RuntimeError(f"the bulletin of place {place} is not whole")

    def texts(self) -> dict[int, bytes]:
        """The text of each place where anything was said, by workers that have ended too."""
        return {place: text for place in range(self._places) if (text := self.read(place))}

    @staticmethod
    def _start(place: int, which: int) -> int:
        return place * _PLACE_BYTES + _HEADER_BYTES + which * TEXT_BYTES
