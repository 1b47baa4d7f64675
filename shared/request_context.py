"""What is bound to the request being answered, for every line that is logged meanwhile.

A binding belongs to the thread or greenlet that made it: what that one starts logs without it, even
if it was started with a copy of the context. It ends with ``release``, in copies too.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import Final

__all__ = ["bind", "bound", "release"]


class _Binding:
    """Values, and whose they are."""

    __slots__ = ("owner", "values")

    def __init__(self, values: dict[str, str]) -> None:
        self.owner: int | None = threading.get_ident()  # of the greenlet, where gevent has patched
        self.values = values


_CURRENT: Final[ContextVar[_Binding | None]] = ContextVar("ringcast_request", default=None)
_NOTHING: Final[dict[str, str]] = {}


def bind(**values: str) -> None:
    """Have every line logged from here on say so, until ``release`` or the next ``bind``."""
    release()
    _CURRENT.set(_Binding(values))


def bound() -> dict[str, str]:
    """What is bound here and now; not to be changed."""
    binding = _CURRENT.get()
    if binding is None or binding.owner != threading.get_ident():
        return _NOTHING
    return binding.values


def release() -> None:
    """The request is over."""
    binding = _CURRENT.get()
    if binding is None:
        return
    _CURRENT.set(None)
    if binding.owner == threading.get_ident():
        binding.owner = None
