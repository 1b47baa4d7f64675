"""Folds repeats of a log record: the first is written, the rest of a second become one line.

::

    … cannot notify: no such file
    … cannot notify: no such file (x 199 more in 1.0 s)

Only records that read the same, of one logger and level, are repeats. Below WARNING those of
different requests are not, since they tell of different events; and none that was logged with
``extra=EACH``, because somebody counts the lines.
"""

from __future__ import annotations

import copy
import logging
import os
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from .request_context import bound

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["EACH", "FoldingHandler"]

EACH: Final = {"each": True}
"""Of a record that is written however often it comes."""

_WINDOW_S: Final = 1.0
_MOST_KNOWN: Final = 128
"""Different records that are remembered at a time, each for a second."""


class _Repeated:
    """One record of the last second.

    Attributes:
        since: When the count began, by the handler's clock, seconds.
        count: Repeats that were not written.
        latest: The last of those.
        until: When that came.
    """

    __slots__ = ("count", "latest", "since", "until")

    def __init__(self, since: float) -> None:
        self.since = self.until = since
        self.count = 0
        self.latest: logging.LogRecord | None = None


class FoldingHandler(logging.StreamHandler):  # type: ignore[type-arg]  # not generic at run time
    """Writes records to a stream, repeats as one line a second.

    What was folded is written before the next record, whichever it is, and when logging ends.

    Args:
        stream: Where to.
        clock: Steady, seconds.
    """

    def __init__(
        self, stream: object = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(stream)
        self._clock = clock
        self._known: OrderedDict[Hashable, _Repeated] = OrderedDict()  # the longest known first
        self._process = os.getpid()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it."""
        now = self._clock()
        if self._process != os.getpid():  # what the parent has counted it writes itself
            self._process = os.getpid()
            self._known.clear()
        self._write_due(now)
        if record.__dict__.pop("each", False):
            super().emit(record)
            return
        key = _key(record)
        repeated = self._known.get(key)
        if repeated is not None:
            repeated.count += 1
            repeated.latest = record
            repeated.until = now
            return
        if len(self._known) >= _MOST_KNOWN:
            self._write_folded(self._known.popitem(last=False)[1])
        self._known[key] = _Repeated(now)
        super().emit(record)

    def close(self) -> None:
        """Write what was folded; the stream stays open."""
        if self._process == os.getpid():
            while self._known:
                self._write_folded(self._known.popitem(last=False)[1])
        super().close()

    def _write_due(self, now: float) -> None:
        while self._known:
            key, oldest = next(iter(self._known.items()))
            if now - oldest.since < _WINDOW_S:
                return
            del self._known[key]
            if oldest.count:
                self._write_folded(oldest)
                self._known[key] = _Repeated(now)  # a flood is one line a second

    def _write_folded(self, repeated: _Repeated) -> None:
        if repeated.latest is None:
            return
        record = copy.copy(repeated.latest)
        took = repeated.until - repeated.since
        record.msg = f"{record.getMessage()} (x {repeated.count} more in {took:.1f} s)"
        record.args = ()
        record.__dict__["repeats"] = repeated.count
        super().emit(record)


def _key(record: logging.LogRecord) -> Hashable:
    """What is the same in repeats."""
    error = record.exc_info[1] if record.exc_info else None
    told = (record.name, record.levelno, record.getMessage(), type(error), str(error))
    return told if record.levelno >= logging.WARNING else (*told, *bound().values())
