from __future__ import annotations

import queue
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from services.api.supervision import Patience, Watchdog, heed_the_end, supervise

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_all_methods_of_the_arbiter_are_still_called() -> None:
    called: list[str] = []

    def method(name: str) -> Callable[[], None]:
        return lambda: called.append(name)

    names = ("murder_workers", "reap_workers", "manage_workers", "reload")
    methods = {name: method(name) for name in names}
    arbiter = SimpleNamespace(**methods, WORKERS={}, num_workers=1, worker_age=0, log=None)
    supervise(arbiter)
    for name in names:
        getattr(arbiter, name)()
    assert called == list(names)


@pytest.mark.parametrize(
    ("queued", "alive"),
    [
        ([], True),
        ([signal.SIGCHLD, signal.SIGHUP], True),
        ([signal.SIGCHLD, signal.SIGTERM], False),
    ],
)
def test_worker_told_to_end_before_it_began_ends(queued: list[int], *, alive: bool) -> None:
    arbiter = SimpleNamespace(SIG_QUEUE=queue.SimpleQueue())
    for number in queued:
        arbiter.SIG_QUEUE.put(number)
    told: list[int] = []
    worker = SimpleNamespace(alive=True, handle_exit=lambda number, _: told.append(number))
    before = signal.getsignal(signal.SIGTERM)
    try:
        heed_the_end(arbiter, worker)
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert worker.alive is alive
    assert told == [signal.SIGTERM]
