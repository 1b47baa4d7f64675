"""Several workers on one camera: each variant is encoded once per host, whoever leaves or dies."""

from __future__ import annotations

import itertools
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import psutil
import pytest

from tests.support.mjpeg_client import EndOfStream, MjpegClient
from tests.support.processes import wait_until
from tests.support.streams import STREAM, assert_never_back, assert_telling, status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.multipart import Part
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

PLAIN: Final = ""
VARIANTS: Final = (PLAIN, "?quality=40&width=160", "?quality=60")
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the kernel's own tmpfs, not a temp file


class Viewer:
    """A client that takes parts in a thread of its own until it is closed or the stream ends.

    Attributes:
        parts: Everything it was sent.
        ended: Whether the server closed the stream.
    """

    def __init__(self, url: str) -> None:
        self._client = MjpegClient(url)
        self.port: int = self._client.socket.getsockname()[1]
        self.parts: list[Part] = [self._client.next_part()]
        self.ended = False
        self._leaving = False
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        while not self._leaving:
            try:
                self.parts.append(self._client.next_part())
            except (EndOfStream, OSError):
                self.ended = True
                return

    def leave(self) -> None:
        """Close the connection."""
        self._leaving = True
        self._thread.join(20.0)
        self._client.close()

    def frames_after(self, number: int) -> int:
        """How many different frames with a higher number it was sent."""
        return len({part.number for part in tuple(self.parts) if part.number > number})

    def newest(self) -> int:
        """Number of the frame it was sent last."""
        return self.parts[-1].number


class Audience:
    """Viewers spread over all workers of an API.

    Args:
        api: Running, with several workers.

    Attributes:
        viewers: All of them, by process id of the worker that serves them.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self.viewers: dict[int, list[Viewer]] = {worker.pid: [] for worker in api.workers()}

    def seat(self, query: str) -> None:
        """Open streams of one variant until every worker has one at least."""
        served: set[int] = set()
        for _ in range(60):
            viewer = Viewer(self._api.url + STREAM + query)
            pid = self._worker_of(viewer)
            if pid in served:
                viewer.leave()
                continue
            served.add(pid)
            self.viewers[pid].append(viewer)
            if served == set(self.viewers):
                return
        pytest.fail(f"60 connections reached {len(served)} workers")

    def _worker_of(self, viewer: Viewer) -> int:
        for worker in self._api.workers():
            connections = worker.net_connections("tcp")
            if any(
                c.status != psutil.CONN_LISTEN and c.raddr.port == viewer.port for c in connections
            ):
                return worker.pid
        pytest.fail("no worker serves this client")

    def all(self) -> list[Viewer]:
        """Every viewer."""
        return [viewer for viewers in self.viewers.values() for viewer in viewers]

    def without(self, pid: int) -> list[Viewer]:
        """Those of the other workers."""
        return [viewer for viewer in self.all() if viewer not in self.viewers[pid]]

    def leave(self) -> None:
        """Close every connection."""
        for viewer in self.all():
            viewer.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.leave()


def statuses(api: Api, pids: set[int] | None = None) -> dict[int, dict[str, Any]]:
    """The status document of every worker, by its process id."""
    wanted = {worker.pid for worker in api.workers()} if pids is None else pids
    found: dict[int, dict[str, Any]] = {}

    def all_answered() -> bool:
        document = status(api)
        found[document["worker"]] = document
        return wanted <= set(found)

    wait_until(all_answered, "an answer of every worker", 20.0)
    return found


def leader(api: Api, suffix: str) -> psutil.Process:
    """The worker that leads a variant; there is one, and never two."""
    found: list[int] = []

    def one_leads() -> bool:
        found[:] = [pid for pid, each in statuses(api).items() if suffix in each["leads"]]
        return len(found) == 1

    wait_until(one_leads, f"one leader of {suffix}", 10.0)
    return next(worker for worker in api.workers() if worker.pid == found[0])


def variant_files(service: Services) -> list[str]:
    return sorted(path.name for path in SHARED_MEMORY.glob(f"{service.segment}~*"))


def all_see(viewers: list[Viewer], frames: int) -> None:
    """Wait until every viewer has been sent so many frames more; none may be cut off."""
    newest = max(viewer.newest() for viewer in viewers)
    wait_until(
        lambda: all(viewer.ended or viewer.frames_after(newest) >= frames for viewer in viewers),
        f"{frames} frames more for everybody",
        20.0,
    )
    assert [viewer.ended for viewer in viewers] == [False] * len(viewers)


def longest_gap(parts: list[Part]) -> int:
    """Most frames of the camera between two that were sent one after the other."""
    numbers = [part.number for part in parts]
    return max(after - before for before, after in itertools.pairwise(numbers))


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


def test_what_killed_workers_left_is_swept_up_at_the_next_start(service: Services) -> None:
    api = service.both()
    viewer = Viewer(api.url + STREAM)
    wait_until(lambda: f"{service.segment}~q85p.ring" in variant_files(service), "the ring")
    api.kill()
    viewer.leave()
    assert variant_files(service) != []

    service.api().wait_ready()

    assert variant_files(service) == []


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
