"""Several workers on one camera: each variant is encoded once per host, whoever leaves or dies."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.audience import Audience, Viewer, all_see, leader, longest_gap, statuses
from tests.support.mjpeg_client import MjpegClient
from tests.support.processes import wait_until
from tests.support.streams import STREAM, assert_never_back, assert_telling, status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

PLAIN: Final = ""
VARIANTS: Final = (PLAIN, "?quality=40&width=160", "?quality=60")
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the kernel's own tmpfs, not a temp file


def variant_files(service: Services) -> list[str]:
    return sorted(path.name for path in SHARED_MEMORY.glob(f"{service.segment}~*"))


@pytest.fixture
def audience(service: Services) -> Iterator[Audience]:
    """Two workers, and nobody watching yet."""
    with Audience(service.both(api__workers=2)) as seated:
        yield seated


@pytest.mark.parametrize("workers", [2, 3])
def test_each_variant_is_encoded_once_however_many_workers(service: Services, workers: int) -> None:
    api = service.both(api__workers=workers)
    with Audience(api) as audience:
        for query in VARIANTS:
            audience.seat(query)
        all_see(audience.all(), 30)
        before = statuses(api)
        all_see(audience.all(), 90)
        after = statuses(api)
        viewers = audience.all()
    encoded = sum(after[pid]["encoded"] - before[pid]["encoded"] for pid in after)
    first = min(document["frame_number"] for document in before.values())
    last = max(document["frame_number"] for document in after.values())
    assert 2.5 * 90 <= encoded <= 3 * (last - first) + 9
    assert sum(len(document["leads"]) for document in after.values()) == 3
    assert sum(len(document["follows"]) for document in after.values()) == 3 * (workers - 1)
    for viewer in viewers:
        assert_never_back(viewer.parts)
    for viewer in viewers[:: len(VARIANTS)]:
        assert_telling(viewer.parts[-1])


@pytest.mark.faults
def test_another_worker_takes_over_at_once_when_the_leader_is_killed(
    service: Services, audience: Audience
) -> None:
    api = service.children[-1]
    audience.seat(PLAIN)
    all_see(audience.all(), 15)
    killed = leader(api, "q85p")  # type: ignore[arg-type]  # the API was started last
    others = audience.without(killed.pid)
    newest = max(viewer.newest() for viewer in others)

    killed.kill()

    all_see(others, 60)
    for viewer in others:
        later = [part for part in viewer.parts if part.number >= newest - 5]
        assert longest_gap(later) < 30, "less than a second"
        assert_never_back(viewer.parts)


@pytest.mark.faults
def test_streams_go_on_while_the_leader_is_stopped_and_after(
    service: Services, audience: Audience
) -> None:
    api = service.children[-1]
    audience.seat(PLAIN)
    all_see(audience.all(), 15)
    stopped = leader(api, "q85p")  # type: ignore[arg-type]
    others = audience.without(stopped.pid)
    newest = max(viewer.newest() for viewer in others)

    stopped.send_signal(signal.SIGSTOP)
    try:
        all_see(others, 45)
    finally:
        stopped.send_signal(signal.SIGCONT)
    all_see(audience.all(), 30)
    for viewer in others:
        later = [part for part in viewer.parts if part.number >= newest - 5]
        assert longest_gap(later) < 30, "less than a second"
        assert_never_back(viewer.parts)


def test_streams_of_others_go_on_when_the_leaders_last_client_leaves(
    service: Services, audience: Audience
) -> None:
    api = service.children[-1]
    audience.seat(PLAIN)
    all_see(audience.all(), 15)
    before = leader(api, "q85p")  # type: ignore[arg-type]
    others = audience.without(before.pid)

    for viewer in audience.viewers[before.pid]:
        viewer.leave()
    all_see(others, 45)

    assert leader(api, "q85p").pid in audience.viewers  # type: ignore[arg-type]
    for viewer in others:
        assert longest_gap(viewer.parts) < 30
    audience.leave()
    wait_until(lambda: variant_files(service) == [], "the ring to be cleared away", 10.0)


def test_workers_that_end_leave_no_file_and_the_others_go_on(
    service: Services, audience: Audience
) -> None:
    api = service.children[-1]
    for query in VARIANTS:
        audience.seat(query)
    ending = leader(api, "q85p")  # type: ignore[arg-type]
    others = audience.without(ending.pid)

    ending.terminate()  # gunicorn starts another one

    all_see(others, 45)
    audience.leave()
    wait_until(lambda: variant_files(service) == [], "the rings to be cleared away", 10.0)


def test_nobody_watching_costs_no_encoding_and_no_file(service: Services) -> None:
    api = service.both(api__workers=2)
    before = status(api)["frame_number"]
    wait_until(lambda: status(api)["frame_number"] > before + 45, "a while")
    assert [each["encoded"] for each in statuses(api).values()] == [0, 0]
    assert variant_files(service) == []


@pytest.mark.faults
def test_what_killed_workers_left_is_swept_up_at_the_next_start(service: Services) -> None:
    api = service.both()
    viewer = Viewer(api.url + STREAM)
    wait_until(lambda: f"{service.segment}~q85p.ring" in variant_files(service), "the ring")
    api.kill()
    viewer.leave()
    assert variant_files(service) != []

    service.api().wait_ready()

    assert variant_files(service) == []


@pytest.mark.faults
def test_streams_go_on_where_there_is_no_room_for_rings(service: Services) -> None:
    service.video()
    api = service.api(api__workers=2, video__ring__reserve_mb=2**16).wait_ready()
    with Audience(api) as audience:
        audience.seat(PLAIN)
        all_see(audience.all(), 60)
        assert api.said().count("each worker encodes for itself") == 2
        for viewer in audience.all():
            assert_never_back(viewer.parts)
    assert all(each["encoded"] > 0 for each in statuses(api).values())


@pytest.mark.faults
def test_streams_go_on_where_the_rings_cannot_be_made(service: Services) -> None:
    service.video()
    in_the_way = SHARED_MEMORY / f"{service.segment}~q85p.lock"
    in_the_way.mkdir()
    try:
        api = service.api(api__workers=2).wait_ready()
        with Audience(api) as audience:
            audience.seat(PLAIN)
            all_see(audience.all(), 60)
            assert "each worker encodes for itself" in api.said()
    finally:
        in_the_way.rmdir()


def test_clients_that_open_cost_no_encoding_where_the_variant_is_watched(
    service: Services, audience: Audience
) -> None:
    api = service.children[-1]
    audience.seat(PLAIN)
    all_see(audience.all(), 15)
    first = leader(api, "q85p")  # type: ignore[arg-type]
    (follower,) = set(audience.viewers) - {first.pid}
    before = statuses(api)[follower]  # type: ignore[arg-type]
    for _ in range(40):
        with MjpegClient(api.url + STREAM) as client:  # type: ignore[attr-defined]
            client.next_part()
    after = statuses(api)[follower]  # type: ignore[arg-type]
    assert after["encoded"] == before["encoded"]
