from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from services.api.supervision import Patience, Watchdog, supervise

if TYPE_CHECKING:
    from tests.conftest import Clock


def test_workers_are_judged_every_second(clock: Clock) -> None:
    patience = Patience(clock)
    judged = []
    for _ in range(30):
        clock.advance(1.1)
        judged.append(patience.judge())
    assert judged == [True] * 30


def test_workers_are_not_judged_after_the_arbiter_stood_still(clock: Clock) -> None:
    patience = Patience(clock)
    clock.advance(60.0)
    judged = [patience.judge()]
    for _ in range(7):
        clock.advance(1.0)
        judged.append(patience.judge())
    assert judged == [False] * 5 + [True] * 3


def test_systemd_hears_once_a_second(clock: Clock) -> None:
    said: list[str] = []
    watchdog = Watchdog(said.append, clock)
    for _ in range(21):
        watchdog.beat()
        clock.advance(0.25)
    assert said == ["WATCHDOG=1"] * 6


def test_both_methods_of_the_arbiter_are_still_called() -> None:
    called: list[str] = []
    arbiter = SimpleNamespace(
        murder_workers=lambda: called.append("murder"),
        reap_workers=lambda: called.append("reap"),
        log=None,
    )
    supervise(arbiter)
    arbiter.murder_workers()
    arbiter.reap_workers()
    assert called == ["murder", "reap"]
