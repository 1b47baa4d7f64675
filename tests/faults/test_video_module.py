"""The Video Module is killed, stopped, restarted and fed rubbish under streams that stay open."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.shared.ring.actors import Doom
from tests.support.processes import Services, wait_until
from tests.support.streams import STREAM
from tests.support.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.processes import Api, Child

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e, pytest.mark.timeout(120)]

FAULTY: Final = "tests.support.faulty_video"
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the real tmpfs


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """One API for all tests of this file, as it is in life: it outlives many Video Modules."""
    services = Services(tmp_path_factory.mktemp("faults"), f"test-video-{random.getrandbits(40):x}")  # noqa: S311
    try:
        yield services
    finally:
        services.stop()
        left = list(SHARED_MEMORY.glob(f"{services.segment}*"))
        for path in left:
            path.unlink()
        assert [path.name for path in left] == []


@pytest.fixture(scope="module")
def api(services: Services) -> Api:
    services.video().wait_for_log("segment")
    api = services.api().wait_ready()
    services.children[0].stop()
    return api


@pytest.fixture
def start(services: Services, api: Api) -> Iterator[Callable[..., Child]]:
    """Start a Video Module beside the API; ended properly afterwards, and nothing is left of it."""
    del api
    before = len(services.children)
    yield services.video
    for child in services.children[before:]:
        child.stop()
    left = [path.name for path in SHARED_MEMORY.glob(f"{services.segment}.*")]
    assert left == []


@pytest.fixture
def stream(api: Api) -> str:
    return api.url + STREAM


def doomed(point: str, **more: str) -> dict[str, str]:
    return {"FAULT_POINT": point, **more}


@pytest.mark.parametrize("point", Doom.IN_FRAME)
def test_killed_at_any_point_of_a_frame_it_is_blank_and_then_live_again(
    start: Callable[..., Child], api: Api, stream: str, point: str
) -> None:
    victim = start(program=FAULTY, variables=doomed(point))
    api.wait_ready()
    die_and_come_back(start, stream, victim)


@pytest.mark.parametrize("point", Doom.IN_CREATE)
def test_killed_at_any_point_of_a_larger_segments_creation_it_is_live_again(
    start: Callable[..., Child], api: Api, stream: str, point: str
) -> None:
    victim = start(program=FAULTY, variables=doomed(point, FAULT_GROWS="1"))
    api.wait_ready()
    die_and_come_back(start, stream, victim)


def die_and_come_back(start: Callable[..., Child], stream: str, victim: Child) -> None:
    with Witness(stream) as witness:
        witness.wait_frames(5, "before the kill")
        epoch = witness.epoch
        victim.signal(signal.SIGUSR1)
        assert victim.wait() == -signal.SIGKILL
        witness.wait_blank()
        start()
        witness.wait_epoch_after(epoch)
        witness.wait_frames(5, "after the restart")


@pytest.mark.parametrize("point", Doom.IN_CREATE[:-1])
def test_killed_at_any_point_of_the_first_segments_creation_the_next_start_works(
    start: Callable[..., Child], api: Api, stream: str, point: str
) -> None:
    """The last point, "before retire", is not reached where there is no segment before."""
    first = start()
    api.wait_ready()
    with Witness(stream) as witness:
        witness.wait_frames(5, "before")
        epoch = witness.epoch
        first.kill()
        victim = start(program=FAULTY, variables=doomed(point, FAULT_WHEN="start"))
        assert victim.wait() == -signal.SIGKILL
        witness.wait_blank()
        start()
        witness.wait_epoch_after(epoch)
        witness.wait_frames(5, "after the restart")
