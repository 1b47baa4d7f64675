"""Letting greenlets run in a test that is not itself one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gevent.event import Event

from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["let_run", "turns_until"]


def let_run(seconds: float = 0.001) -> None:
    """Give the hub to everybody else, for at most so long."""
    Event().wait(seconds)


def turns_until(condition: Callable[[], bool], what: str) -> None:
    """Let the greenlets run until the condition holds.

    Raises:
        AssertionError: It did not hold within 10 s.
    """

    def holds() -> bool:
        let_run()
        return condition()

    wait_until(holds, what, 10.0)
