"""The ledger with real forks: what one process writes, the others see."""

from __future__ import annotations

import gc
import multiprocessing
from typing import TYPE_CHECKING

import pytest

from services.api import ledger as module
from services.api.counters import Counters
from services.api.ledger import Ledger, Place
from services.api.seat import TooManyStreams
from shared.settings_api import LimitsSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.seat import Seat

FORK = multiprocessing.get_context("fork")
CAMERA = "video"
HERE = "192.0.2.7"


def limits(total: int = 1000, per_address: int = 0) -> LimitsSettings:
    return LimitsSettings(max_streams=total, max_streams_per_address=per_address)


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
    here, there = ledger.take([CAMERA]), ledger.take([CAMERA])
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
    here, there = ledger.take([CAMERA]), ledger.take([CAMERA])
    two_each = limits(per_address=2)
    in_a_process(lambda: keep(there.admit(CAMERA, HERE, two_each)))
    mine = here.admit(CAMERA, HERE, two_each)
    with pytest.raises(TooManyStreams, match=r"192\.0\.2\.7 has 2 .*max_streams_per_address"):
        here.admit(CAMERA, HERE, two_each)
    other = here.admit(CAMERA, "192.0.2.8", two_each)
    mine.leave()
    again = here.admit(CAMERA, HERE, two_each)
    ledger.free(there)
    successor = ledger.take([CAMERA])
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
    place = Ledger().take([CAMERA])
    place.admit(CAMERA, HERE, limits(per_address=1))
    gc.collect()
    assert place.streams() == 0
    leave = place.admit(CAMERA, HERE, limits(per_address=1)).leave
    gc.collect()
    assert place.streams() == 1, "who can leave it has it"
    leave()
    assert place.streams() == 0


def test_entries_of_addresses_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ENTRIES", 4)
    place = Ledger().take([CAMERA])
    for number in range(20):
        place.admit(CAMERA, f"192.0.2.{number}", limits(per_address=1)).leave()
    seats = [place.admit(CAMERA, f"192.0.2.{n}", limits(per_address=1)) for n in range(4)]
    with pytest.raises(TooManyStreams):
        place.admit(CAMERA, "192.0.2.4", limits(per_address=1))
    assert place.streams() == 4
    for seat in seats:
        seat.leave()


def test_sums_never_go_back_when_workers_die_and_others_have_their_places() -> None:
    ledger = Ledger()
    here = ledger.take([CAMERA])
    here.publish(CAMERA, Counters(sent=5))
    seen = [5]
    for _ in range(3):
        there = ledger.take([CAMERA])

        def count(place: Place = there) -> None:
            place.publish(CAMERA, Counters(sent=10, encode_seconds=0.25))
            place.publish(CAMERA, Counters(sent=100, encode_seconds=0.5))

        in_a_process(count)
        seen.append(summed(here).sent)
        ledger.free(there)
        seen.append(summed(here).sent)
    assert seen == [5, 105, 105, 205, 205, 305, 305]
    assert summed(here).encode_seconds == 1.5


def test_last_stream_is_never_given_twice_however_many_workers_ask() -> None:
    """Four processes race for 50 streams; as none is given back, too many would stay too many."""
    ledger = Ledger()
    places = [ledger.take([CAMERA]) for _ in range(4)]
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
