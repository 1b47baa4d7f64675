"""One picture per frame and variant, however many ask for it.

The first who asks starts the encoding, the others wait for the same result. A few finished ones
are kept for those who come a moment later.
"""

from __future__ import annotations

from collections import OrderedDict
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


class FrameCache:
    """Results of encoding, by (epoch, sequence, variant). One per camera.

    Attributes:
        made: How often nobody had asked for it yet.
        shared: How often an encoded or coming result was given to one more who asked.
    """

    def __init__(self) -> None:
        self._results: OrderedDict[Hashable, AsyncResult[EncodedFrame]] = OrderedDict()
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
        result = self._results.get(key)
        if result is None:
            result = AsyncResult()
            self._results[key] = result
            self.made += 1
            # in a greenlet of its own: who asked first may be killed, the others still wait
            gevent.spawn(self._encode, key, encode, result)
        else:
            self.shared += 1
        return cast("EncodedFrame", result.get())  # without a timeout it is never None

    def _encode(
        self, key: Hashable, encode: Callable[[], EncodedFrame], result: AsyncResult[EncodedFrame]
    ) -> None:
        try:
            result.set(encode())
        except Exception as error:  # noqa: BLE001 - handed on to all who wait, none swallowed
            self._results.pop(key, None)
            result.set_exception(error)
        while len(self._results) > _KEEP or self._too_large():
            self._results.popitem(last=False)

    def _too_large(self) -> bool:
        done = [result.value for result in self._results.values()]
        sizes = [picture.part.size_bytes for picture in done if picture is not None]
        return len(self._results) > 1 and sum(sizes) > _KEEP_BYTES
