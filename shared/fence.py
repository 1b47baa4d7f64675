"""The memory barrier of the seqlock, and why it is one.

A stamp is only worth something if neither compiler nor processor moves the payload's loads and
stores across it. CPython has no fence, but it has locks: releasing one is a store-release, taking
one a load-acquire (since 3.13 both are sequentially consistent exchanges). In **this order**,
release then acquire, nothing from before sinks below the pair and nothing from after rises above
it: ARMv8 keeps a store-release before a later load-acquire (RCsc), and on x86-64 each is a locked
instruction, which also orders the non-temporal stores OpenCV uses on aligned destinations.
``with lock: pass`` (acquire, then release) would be no barrier: both sides may move inside.

Every call takes a fresh lock: a shared one could be held by another thread. Under gevent
``threading.Lock`` is pure Python and no barrier at all, so the interpreter's original is asked for.

Not proven by tests: x86-64 cannot show the reordering this prevents; run tests/shared/ring on arm64
hardware for that.
Source: docs/adr/0011; cpython#121368; dora-rs#3288; Boehm, "Can seqlocks get along with programming
language memory models?" (HPL-2012-68).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class _Lock(Protocol):
        def acquire(self) -> bool: ...

        def release(self) -> None: ...


__all__ = ["fence"]


def _original_allocate_lock() -> Callable[[], _Lock]:
    """The interpreter's own lock, also in a process that gevent has patched."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None:
        original: Callable[[], _Lock] = monkey.get_original("_thread", "allocate_lock")
        return original
    import _thread  # noqa: PLC0415 - only where gevent cannot have replaced its functions

    return _thread.allocate_lock


_allocate_lock = _original_allocate_lock()


def fence() -> None:
    """Order all loads and stores before this call before all that come after it."""
    lock = _allocate_lock()
    lock.acquire()
    lock.release()
    lock.acquire()
