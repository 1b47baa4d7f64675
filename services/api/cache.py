"""One picture per frame and variant, however many ask for it.

The first who asks starts the encoding, the others wait for the same result. A few finished ones
are kept for those who come a moment later.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import gevent
from gevent.event import AsyncResult

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from services.api.encoded import EncodedFrame

__all__ = ["FrameCache"]

_KEEP: Final = 8
"""Finished pictures kept: the newest of each of a few variants; a 1080p JPEG is about 250 kB."""
_KEEP_BYTES: Final = 16 * 2**20
"""What they may take together, the newest excepted: 1080p in BGR takes 6 MB."""
_KEPT_S: Final = 5.0
"""An older one is let go, its memory and descriptor too, though none has come after it."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """An encoded frame, or one that is being encoded.

    Attributes:
        result: To be waited for.
        asked_at: When it was asked for first, ``time.monotonic()``.
    """

    result: AsyncResult[EncodedFrame] = field(default_factory=AsyncResult)
    asked_at: float = field(default_factory=time.monotonic)


class FrameCache:
    """Results of encoding, by (epoch, sequence, variant). One per camera.

    Attributes:
        made: How often nobody had asked for it yet.
        shared: How often an encoded or coming result was given to one more who asked.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._forgetting = False
        self.made = 0
        self.shared = 0

    def get(self, key: Hashable, encode: Callable[[], EncodedFrame]) -> EncodedFrame:
        """Give the picture of ``key``, encoding it if nobody has.

        Args:
            key: Names frame and variant.
            encode: Called at most once per key; may wait, must not block the hub.

        Raises:
            Exception: What ``encode`` raised, to everybody who waited for it; not kept.
        """
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry()
            self.made += 1
            self._forget_soon()
            # in a greenlet of its own: who asked first may be killed, the others still wait
            gevent.spawn(self._encode, key, encode, entry.result)
        else:
            self.shared += 1
        return cast("EncodedFrame", entry.result.get())  # without a timeout it is never None

    def _encode(
        self, key: Hashable, encode: Callable[[], EncodedFrame], result: AsyncResult[EncodedFrame]
    ) -> None:
        try:
            result.set(encode())
        except Exception as error:  # noqa: BLE001 - handed on to all who wait, none swallowed
            self._entries.pop(key, None)
            result.set_exception(error)
        while len(self._entries) > _KEEP or self._too_large():
            self._entries.popitem(last=False)

    def _too_large(self) -> bool:
        done = [entry.result.value for entry in self._entries.values()]
        sizes = [picture.part.size_bytes for picture in done if picture is not None]
        return len(self._entries) > 1 and sum(sizes) > _KEEP_BYTES

    def _forget_soon(self) -> None:
        if not self._forgetting:
            self._forgetting = True
            gevent.spawn_later(_KEPT_S, self._forget)

    def _forget(self) -> None:
        self._forgetting = False
        horizon = time.monotonic() - _KEPT_S
        for key, entry in tuple(self._entries.items()):
            if entry.result.ready() and entry.asked_at <= horizon:
                del self._entries[key]
        if self._entries:
            self._forget_soon()
