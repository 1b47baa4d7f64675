"""What a credential opens: to view, to read the numbers, or everything."""

from __future__ import annotations

import enum

__all__ = ["Scope", "scope_named", "suffices"]


class Scope(enum.Flag):
    """What was granted, or, joined by ``|``, what each would do. ``Scope(0)``: nothing."""

    VIEW = enum.auto()
    METRICS = enum.auto()
    ADMIN = enum.auto()


def scope_named(name: str) -> Scope:
    """The scope of a name as people write it: ``view``, ``metrics``, ``admin``.

    Raises:
        ValueError: It is none of them. The message does not repeat the name: where one was
            expected, a secret may stand by mistake.
    """
    for scope in Scope:
        if scope.name is not None and scope.name.lower() == name:
            return scope
    raise ValueError("must be view, metrics or admin")


def suffices(granted: Scope, needed: Scope) -> bool:
    """Whether one of the scopes granted is among those of which each would do."""
    return bool(granted & (needed | Scope.ADMIN))
