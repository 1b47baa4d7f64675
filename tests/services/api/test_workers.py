"""What workers tell each other, with real forks where it matters that one dies."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

import pytest

from services.api import audience
from services.api.camera import Camera
from services.api.ledger import Ledger
from services.api.pulse import Lateness
from services.api.workers import Workers
from shared.settings_api import LimitsSettings
from tests.support.watchers import watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.encoder import Encoder
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths
    from shared.ring.writer import RingWriter
    from shared.settings import Settings

FORK = multiprocessing.get_context("fork")
VIDEO = "video"


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def begin(
    ledger: Ledger, paths: SegmentPaths, settings: Settings, encoder: Encoder
) -> Callable[[], Workers]:
    """Another worker with a camera of its own; ``camera_of`` gives it."""

    def begin_one() -> Workers:
        camera = Camera(VIDEO, paths, settings, encoder, lambda: False)
        workers = Workers(ledger.take(), Lateness())
        workers.open(VIDEO, camera)
        return workers

    return begin_one


def camera_of(workers: Workers) -> Camera:
    return workers._cameras[VIDEO]  # noqa: SLF001 - the one the fixture gave it


def test_each_worker_tells_the_clients_of_all_and_forgets_those_of_the_dead(
    ledger: Ledger, begin: Callable[[], Workers]
) -> None:
    here, there = begin(), begin()
    late, early = watcher("1", key="hall"), watcher("2", "q40")
    early.since = late.since - 10
    camera_of(here).audience.enter(late)
    camera_of(there).audience.enter(early)
    for each in (here, there):
        each.publish_list()
    for each in (here, there):
        assert [client["id"] for client in each.clients(VIDEO)] == ["2", "1"]
        assert each.clients(VIDEO)[1]["key"] == "hall"
        assert each.together()[VIDEO].watching == {"q85p": 1, "q40": 1}
        assert sorted(each.lateness()) == [0, 1]
    ledger.free(there.place)
    assert [client["id"] for client in here.clients(VIDEO)] == ["1"]
    assert here.together()[VIDEO].watching == {"q85p": 1}
    assert sorted(here.lateness()) == [0]


def test_counters_of_the_dead_stay_and_who_has_the_place_next_counts_on(
    ledger: Ledger, begin: Callable[[], Workers]
) -> None:
    here = begin()
    here.publish()
    seen = []
    for _ in range(3):
        there = begin()

        def work(worker: Workers = there) -> None:
            counters = camera_of(worker).counters
            counters.note_sent(1000, 0.004)
            counters.note_encoded("q85", 0.002)
            worker.publish()
            counters.note_encoded("q40", 0.002)
            worker.publish()

        process = FORK.Process(target=work)
        process.start()
        process.join(20.0)
        assert process.exitcode == 0
        for told in (here.together()[VIDEO], there.together()[VIDEO]):
            counters = told.counters
            seen.append((counters.bytes, counters.ages.count, dict(counters.variants)))
        ledger.free(there.place)
    expected = [(1000 * n, n, {"q85": n, "q40": n}) for n in (1, 1, 2, 2, 3, 3)]
    assert seen == expected
    assert here.totals(VIDEO)["encoded_total"] == 6
    assert here.totals(VIDEO)["encode_seconds_total"] == 0.012


def test_frames_are_counted_over_workers_and_lives_of_the_video_module(
    ledger: Ledger,
    begin: Callable[[], Workers],
    write: Callable[..., FrameInfo],
    writer: RingWriter,
) -> None:
    first = begin()
    feed = camera_of(first).feed
    for _ in range(3):
        feed.offer(write())
    first.publish()
    assert first.together()[VIDEO].chronicle.captured_total == 3
    ledger.free(first.place)
    feed.offer(write())  # while nobody tells
    second = begin()
    last = write()
    camera_of(second).feed.offer(last)
    second.publish()
    assert second.together()[VIDEO].chronicle.captured_total == 5
    camera_of(second).feed.offer(write())
    writer.close()
    writer.open()
    camera_of(second).feed.offer(write())
    second.publish()
    known = second.together()[VIDEO].chronicle
    assert (known.captured_total, known.lives) == (7, 2)


def test_bulletin_always_finds_room_for_it_has_fewer_clients_then(
    begin: Callable[[], Workers], monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = begin()
    monkeypatch.setattr("services.api.workers._LIST_BYTES", 30_000)
    for number in range(audience.MOST_LISTED + 5):
        camera_of(workers).audience.enter(watcher(f"{number}", key="k" * 64))
    listed = workers.clients(VIDEO)
    assert 100 <= len(listed) < 200
    assert listed[-1]["id"] == str(audience.MOST_LISTED + 4), "the newest are told"
    assert workers.together()[VIDEO].watching == {"q85p": audience.MOST_LISTED + 5}


def test_numbers_that_leave_no_room_for_the_clients_are_told_without_them(
    begin: Callable[[], Workers], monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = begin()
    camera_of(workers).counters.note_encoded("q40", 0.002)
    for number in range(700):
        camera_of(workers).audience.enter(watcher(f"{number}", key="k" * 64))
    listed = workers.clients(VIDEO)
    assert len(listed) == 700
    monkeypatch.setattr("services.api.workers.TEXT_BYTES", 80_000)
    assert workers.clients(VIDEO) == []
    assert workers.together()[VIDEO].counters.variants == {"q40": 1}


def test_as_many_clients_as_are_listed_fit_into_a_bulletin(begin: Callable[[], Workers]) -> None:
    workers = begin()
    for number in range(audience.MOST_LISTED):
        client = watcher(f"ffffff-{number:x}")
        client.address = "2001:db8:1111:2222:3333:4444:5555:6666"
        client.sent = client.dropped = 10**7
        client.sent_bytes = 10**12
        camera_of(workers).audience.enter(client)
    assert len(workers.clients(VIDEO)) == audience.MOST_LISTED


def test_streams_count_at_once_though_the_list_is_a_second_old(
    begin: Callable[[], Workers],
) -> None:
    here, there = begin(), begin()
    seat = there.place.admit(VIDEO, "192.0.2.7", LimitsSettings())
    assert here.together()[VIDEO].clients == 1
    seat.leave()
    assert here.together()[VIDEO].clients == 0


def test_camera_that_comes_again_is_counted_on_even_if_its_worker_was_killed_meanwhile(
    ledger: Ledger, begin: Callable[[], Workers], write: Callable[..., FrameInfo]
) -> None:
    here, there = begin(), begin()
    camera = camera_of(there)
    camera.counters.note_encoded("q85", 0.002)
    camera.feed.offer(write())
    camera.feed.offer(write())
    there.close(VIDEO)
    there.publish()
    ledger.free(there.place)
    successor = begin()
    camera_of(successor).counters.note_encoded("q85", 0.002)
    for each in (here, successor):
        each.publish()
    for each in (here, successor):
        known = each.together()[VIDEO]
        assert known.counters.variants == {"q85": 2}
        assert known.counters.encoded == 2
        assert known.chronicle.captured_total == 2


def test_camera_that_is_closed_is_told_of_no_more(begin: Callable[[], Workers]) -> None:
    workers = begin()
    camera_of(workers).audience.enter(watcher("1"))
    workers.publish_list()
    workers.close(VIDEO)
    workers.publish_list()
    assert workers.together() == {}
    told = workers.place.bulletins.read(workers.place.number)
    assert b'"watching":{}' in told
    assert told.endswith(b"{}")


def test_numbers_of_any_number_of_cameras_fit_with_fewer_variants_apart(
    ledger: Ledger,
    begin: Callable[[], Workers],
    paths: SegmentPaths,
    settings: Settings,
    encoder: Encoder,
) -> None:
    here, there = begin(), begin()
    for number in range(256):
        camera = Camera(f"camera{number}", paths, settings, encoder, lambda: False)
        there.open(camera.name, camera)
        here.open(camera.name, camera)
        for quality in range(64):
            camera.counters.note_encoded(f"q{quality}w1920h1080", 0.002)
    there.publish_list()
    told = there.together()["camera255"].counters.variants
    assert 1 < len(told) < 64
    assert sum(told.values()) == 64
    ledger.free(there.place)
