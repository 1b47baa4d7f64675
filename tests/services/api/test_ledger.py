"""The ledger with real forks: what one process writes, the others see."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from typing import TYPE_CHECKING

import pytest

from services.api.counters import Counters
from services.api.ledger import Ledger, Place
from services.api.seat import TooManyStreams
from services.api.sheets import OTHERS
from shared.settings_api import LimitsSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.seat import Seat

FORK = multiprocessing.get_context("fork")
CAMERA = "video"
HERE = "192.0.2.7"


def limits(total: int = 1000, per_address: int = 0) -> LimitsSettings:
    return LimitsSettings(max_streams=total, max_streams_per_address=per_address)


def place_of(ledger: Ledger) -> Place:
    """Of a worker that has the camera."""
    place = ledger.take()
    place.open(CAMERA)
    return place


def in_a_process(work: Callable[[], None]) -> None:
    """Do something in a forked process that then dies without a word."""
    process = FORK.Process(target=work)
    process.start()
    process.join(10.0)
    assert process.exitcode == 0


def test_ledger_knows_who_has_the_fewest_connections() -> None:
    ledger = Ledger()
    first, second = ledger.take(), ledger.take()
    assert first.fewest() == 0, "nobody has said anything"
    first.note(12)
    second.note(7)
    assert first.fewest() == 7
    ledger.free(second)
    assert first.fewest() == 12


def test_worker_that_leaves_knows_whether_another_listens() -> None:
    ledger = Ledger()
    first, second = ledger.take(), ledger.take()
    first.listen()
    assert not first.others_listen()
    assert second.others_listen()
    second.listen()
    assert first.others_listen()
    second.retire()
    assert not second.listens
    assert not first.others_listen()


def test_place_is_given_again_only_when_its_worker_has_ended() -> None:
    ledger = Ledger()
    first, second = ledger.take(), ledger.take()
    assert first.number != second.number
    ledger.free(first)
    assert ledger.take().number == first.number


def test_more_workers_than_places_are_refused() -> None:
    ledger = Ledger()
    for _ in range(256):
        ledger.take()
    with pytest.raises(RuntimeError, match="256 workers"):
        ledger.take()


def test_streams_of_all_workers_count_against_the_limit() -> None:
    ledger = Ledger()
    here, there = place_of(ledger), place_of(ledger)
    seats: list[Seat] = []

    def take_two() -> None:
        seats.extend(there.admit(CAMERA, HERE, limits(3)) for _ in range(2))

    in_a_process(take_two)
    assert here.streams() == 2
    last = here.admit(CAMERA, HERE, limits(3))
    with pytest.raises(TooManyStreams, match=r"3 streams .* api\.limits\.max_streams") as refused:
        here.admit(CAMERA, HERE, limits(3))
    assert (refused.value.limit, refused.value.setting) == (3, "api.limits.max_streams")
    assert here.clients(CAMERA) == 3
    last.leave()
    last.leave()
    assert here.streams() == 2
    ledger.free(there)
    assert here.streams() == 0, "the streams of a worker that died have ended"
    assert here.clients(CAMERA) == 0


def test_streams_of_one_address_count_over_all_workers() -> None:
    ledger = Ledger()
    here, there = place_of(ledger), place_of(ledger)
    two_each = limits(per_address=2)
    in_a_process(lambda: keep(there.admit(CAMERA, HERE, two_each)))
    mine = here.admit(CAMERA, HERE, two_each)
    with pytest.raises(TooManyStreams, match=r"192\.0\.2\.7 has 2 .*max_streams_per_address"):
        here.admit(CAMERA, HERE, two_each)
    other = here.admit(CAMERA, "192.0.2.8", two_each)
    mine.leave()
    again = here.admit(CAMERA, HERE, two_each)
    ledger.free(there)
    successor = place_of(ledger)
    assert successor.number == there.number
    keep(successor.admit(CAMERA, HERE, two_each))
    with pytest.raises(TooManyStreams):
        here.admit(CAMERA, HERE, two_each)
    for seat in (other, again):
        seat.leave()


def summed(place: Place) -> Counters:
    return Counters.of(place.sums(CAMERA), {})


KEPT: list[Seat] = []


def keep(seat: Seat) -> None:
    KEPT.append(seat)


def test_seat_nobody_has_any_more_is_given_back() -> None:
    place = place_of(Ledger())
    place.admit(CAMERA, HERE, limits(per_address=1))
    gc.collect()
    assert place.streams() == 0
    leave = place.admit(CAMERA, HERE, limits(per_address=1)).leave
    gc.collect()
    assert place.streams() == 1, "who can leave it has it"
    leave()
    assert place.streams() == 0


def test_sums_never_go_back_when_workers_die_and_others_have_their_places() -> None:
    ledger = Ledger()
    here = place_of(ledger)
    here.publish(CAMERA, Counters(sent=5))
    seen = [5]
    for _ in range(3):
        there = place_of(ledger)

        def count(place: Place = there) -> None:
            place.publish(CAMERA, Counters(sent=10, encode_seconds=0.25))
            place.publish(CAMERA, Counters(sent=100, encode_seconds=0.5))

        in_a_process(count)
        seen.append(summed(here).sent)
        ledger.free(there)
        seen.append(summed(here).sent)
    assert seen == [5, 105, 105, 205, 205, 305, 305]
    assert summed(here).encode_seconds == 1.5


def test_camera_unknown_before_the_fork_is_counted_by_all_who_meet_it() -> None:
    ledger = Ledger()
    here, there = ledger.take(), ledger.take()

    def meet() -> None:
        there.open("other")
        there.open(CAMERA)
        there.publish(CAMERA, Counters(sent=7))
        keep(there.admit(CAMERA, HERE, limits()))

    in_a_process(meet)
    here.open(CAMERA)
    here.publish(CAMERA, Counters(sent=5))
    assert summed(here).sent == 12
    assert here.clients(CAMERA) == 1
    ledger.free(there)
    assert (summed(here).sent, here.clients(CAMERA)) == (12, 0)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_worker_stopped_or_killed_while_it_claims_a_row_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """There is no lock to be held; whoever has the place next writes over what is half there."""
    ledger = Ledger()
    here, there = ledger.take(), ledger.take()

    def claim_and_stop() -> None:
        there.open("before")
        monkeypatch.setattr("services.api.sheets.fence", lambda: os.kill(os.getpid(), number))
        there.open(CAMERA)

    stopped = FORK.Process(target=claim_and_stop)
    stopped.start()
    assert stopped.pid is not None
    os.waitid(os.P_PID, stopped.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
    here.open(CAMERA)
    here.publish(CAMERA, Counters(sent=5))
    assert summed(here).sent == 5
    stopped.kill()
    stopped.join(10.0)
    ledger.free(there)
    successor = ledger.take()
    assert successor.number == there.number
    successor.open("another one")
    successor.publish("another one", Counters(sent=100))
    successor.open(CAMERA)
    successor.publish(CAMERA, Counters(sent=7))
    assert summed(here).sent == summed(successor).sent == 12


def test_camera_that_comes_again_is_counted_on_from_where_it_was() -> None:
    place = place_of(Ledger())
    place.publish(CAMERA, Counters(sent=5))
    seat = place.admit(CAMERA, HERE, limits())
    place.close(CAMERA)
    place.open(CAMERA)
    place.publish(CAMERA, Counters(sent=2))
    assert (summed(place).sent, place.clients(CAMERA)) == (7, 1)
    seat.leave()
    assert place.clients(CAMERA) == 0


def test_cameras_without_a_row_of_their_own_are_counted_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.api.sheets._ROWS", 2)
    place = place_of(Ledger())
    for name, sent in (("second", 1), ("third", 10)):
        place.open(name)
        place.publish(name, Counters(sent=sent))
        place.publish(name, Counters(sent=2 * sent))
    assert Counters.of(place.sums("second"), {}).sent == 22
    assert place.sums("second") == place.sums("third") == place.sums(OTHERS)
    assert summed(place).sent == 0


def test_last_stream_is_never_given_twice_however_many_workers_ask() -> None:
    """Four processes race for 50 streams; as none is given back, too many would stay too many."""
    ledger = Ledger()
    places = [place_of(ledger) for _ in range(4)]
    gate = FORK.Barrier(4)

    def race(place: Place) -> None:
        gate.wait(10.0)
        for _ in range(200):
            try:
                keep(place.admit(CAMERA, HERE, limits(50, 40)))
            except TooManyStreams:
                continue

    processes = [FORK.Process(target=race, args=(place,)) for place in places]
    for process in processes:
        process.start()
    for process in processes:
        process.join(20.0)
    assert [process.exitcode for process in processes] == [0] * 4
    assert 36 <= places[0].streams() <= 40


def test_many_cameras_are_summed_up_though_this_worker_has_none_of_them() -> None:
    ledger = Ledger()
    here, there = ledger.take(), ledger.take()
    assert here.all_of(lambda name: name.startswith("tile")) is None
    for name, sent in (("tile-1", 3), ("tile-2", 4), ("door", 100)):
        there.open(name, listed=False)
        counters = Counters()
        counters.sent = sent
        there.publish(name, counters)
    seat = there.admit("tile-2", HERE, limits())
    found = here.all_of(lambda name: name.startswith("tile"))
    assert found is not None
    assert (found[0], Counters.of(found[1], {}).sent) == (1, 7)
    seat.leave()
