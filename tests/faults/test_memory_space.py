"""A tmpfs that is full: said clearly at the start, and of no effect on what runs."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Final

import pytest

from shared.frame import Sequence
from shared.naming import segment_paths
from shared.ring.reader import RingReader
from tests.support.processes import wait_until
from tests.support.streams import STREAM
from tests.support.tmpfs import mounted
from tests.support.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import Child, Services

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e]

SIZE: Final = 12 * 2**20
FITS: Final = "pattern://640x480@30"  # 8 slots: 7 MiB
TOO_LARGE: Final = "pattern://1280x720@30"  # 8 slots: 21 MiB


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 12 MiB."""
    with mounted(tmp_path / "shm", SIZE) as folder:
        yield folder


def video_on(service: Services, small: Path, source: str, **settings: object) -> Child:
    given = {"video__shared_memory_directory": small, "video__ring__reserve_mb": 0, **settings}
    return service.video(source, **given)  # type: ignore[arg-type]  # settings by name


def fill(small: Path) -> int:
    """Fill the file system to its last byte; returns what that took."""
    with (small / "hog").open("wb", buffering=0) as hog, contextlib.suppress(OSError):
        while True:
            hog.write(bytes(4096))
    room = os.statvfs(small)
    assert room.f_bavail == 0
    return (small / "hog").stat().st_size


def assert_says_why(child: Child, small: Path) -> None:
    assert child.wait() == 1
    said = child.said()
    assert f"not enough shared memory in {small}: need " in said
    assert "RINGCAST_VIDEO__RING__SLOTS" in said
    assert "Traceback" not in said


def test_no_room_at_the_start_is_said_and_ends_it_with_1(small: Path, service: Services) -> None:
    assert_says_why(video_on(service, small, TOO_LARGE), small)
    assert list(small.iterdir()) == []


def test_a_camera_without_room_leaves_the_running_one_alone(small: Path, service: Services) -> None:
    video_on(service, small, FITS)
    api = service.api(video__shared_memory_directory=small, video__ring__reserve_mb=0)
    with Verifier(api.wait_ready().url + STREAM) as client:
        client.wait_live_since(time.time())
        second = video_on(service, small, FITS, video__shared_memory_name="second")
        assert_says_why(second, small)
        client.wait_live_since(time.time())
    assert (client.wrong, client.blanks, client.connects) == ([], 0, 1)


def test_a_restart_without_room_leaves_the_old_frames_to_readers(
    small: Path, service: Services
) -> None:
    first = video_on(service, small, FITS)
    paths = segment_paths(service.segment, small)
    wait_until(paths.ring.exists, "a ring")
    reader = RingReader.open(paths)
    wait_until(lambda: reader.head > 10, "frames")
    first.kill()
    last = reader.head
    assert_says_why(video_on(service, small, TOO_LARGE), small)
    for number in range(last - 3, last + 1):
        with reader.view(Sequence(number)) as view:
            view.verify()
            assert view.info.sequence == number
    assert not reader.live
    reader.close()


def test_a_file_system_that_others_fill_has_no_effect(small: Path, service: Services) -> None:
    video_on(service, small, FITS)
    api = service.api(
        video__shared_memory_directory=small, video__ring__reserve_mb=0, api__workers=2
    )
    with Verifier(api.wait_ready().url + STREAM) as client:
        client.wait_live_since(time.time())
        hog_bytes = fill(small)
        client.wait_live_since(time.time(), frames=30)
        with Verifier(f"{api.url}{STREAM}?quality=40") as newcomer:
            newcomer.wait_live_since(time.time(), frames=30)
            client.wait_live_since(time.time(), frames=30)
            wait_until(lambda: "each worker encodes for itself" in api.said(), "a word about it")
    print(  # noqa: T201 - the numbers of docs/operating.md
        f"\nfilled with {hog_bytes} bytes: {client.live + newcomer.live} pictures checked, "
        f"{len(client.wrong + newcomer.wrong)} wrong"
    )
    assert (client.wrong, client.blanks, client.connects) == ([], 0, 1)
    assert (newcomer.wrong, newcomer.blanks, newcomer.connects) == ([], 0, 1)
    assert "Traceback" not in api.said()
