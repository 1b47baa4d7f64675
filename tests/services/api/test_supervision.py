from __future__ import annotations

import queue
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from services.api.supervision import Patience, Watchdog, heed_the_end, supervise

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


class Arbiter(SimpleNamespace):
    """gunicorn's, as far as it is wrapped; its workers listen or do not yet."""

    def __init__(self, listening: list[bool]) -> None:
        self.called: list[str] = []
        super().__init__(
            murder_workers=lambda: self.called.append("murder"),
            reap_workers=lambda: self.called.append("reap"),
            manage_workers=lambda: self.called.append("manage"),
            num_workers=2,
            log=None,
        )
        self.set(listening)
        supervise(self)

    def set(self, listening: list[bool]) -> None:
        """Its workers now."""
        places = [SimpleNamespace(place=SimpleNamespace(listens=one)) for one in listening]
        self.WORKERS = dict(enumerate(places))


def test_all_methods_of_the_arbiter_are_still_called() -> None:
    arbiter = Arbiter([True, True])
    arbiter.murder_workers()
    arbiter.reap_workers()
    arbiter.manage_workers()
    assert arbiter.called == ["murder", "reap", "manage"]


def test_old_workers_are_ended_once_all_new_ones_listen() -> None:
    arbiter = Arbiter([True, True, True, False])
    arbiter.manage_workers()  # at a reload, right after the fork
    arbiter.reap_workers()
    assert arbiter.called == ["reap"]
    arbiter.set([True, True, True, True])
    arbiter.reap_workers()
    assert arbiter.called == ["reap", "reap", "manage"]


def test_nobody_is_started_because_new_ones_end_at_a_shutdown() -> None:
    arbiter = Arbiter([True, True, True, False])
    arbiter.manage_workers()
    arbiter.set([False])
    arbiter.reap_workers()
    assert arbiter.called == ["reap"]


def test_missing_workers_are_started_though_others_do_not_listen_yet() -> None:
    arbiter = Arbiter([False])
    arbiter.manage_workers()
    assert arbiter.called == ["manage"]


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
