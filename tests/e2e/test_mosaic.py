"""Several cameras in one picture, of real Video Modules, by real workers."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
import pytest

from services.api.mosaic.grid import Grid
from shared.frame_code import read_codes
from shared.naming import is_mosaic
from tests.support.audience import Audience, Viewer, all_see, statuses
from tests.support.mjpeg_client import MjpegClient, get
from tests.support.processes import Services, wait_until
from tests.support.streams import assert_never_back, decoded, picture, status

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from shared.multipart import Part
    from tests.support.processes import Api, Child

pytestmark = [pytest.mark.process, pytest.mark.e2e]

STREAM: Final = "/stream/mosaic?cameras=video,door,yard&quality=90"
GRID: Final = Grid(3, 2, 1280)
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the kernel's own tmpfs, not a temp file


class Site:
    """Two Video Modules, a third camera that nobody writes, and two workers.

    Attributes:
        api: With two workers.
        videos: The Video Modules, of the cameras video and door.
        directory: Where the rings are: nobody else has mosaics there.
    """

    def __init__(self, service: Services, directory: Path, most: int = 4) -> None:
        self.directory = directory
        service.variables["RINGCAST_VIDEO__SHARED_MEMORY_DIRECTORY"] = str(directory)
        names = {"door": f"{service.segment}-door", "yard": f"{service.segment}-yard"}
        cameras = {name: {"shared_memory_name": segment} for name, segment in names.items()}
        self.videos: list[Child] = [
            service.video("pattern://640x360@30"),
            service.video("pattern://640x480@20", video__shared_memory_name=names["door"]),
        ]
        self.api: Api = service.api(
            api__workers=2, cameras=json.dumps({"video": {}, **cameras}), api__mosaic__max=most
        ).wait_ready()
        wait_until(lambda: self.api.answers("/stream/door/frame") == 200, "the other camera")

    def files(self) -> list[str]:
        """Files of mosaics and their variants."""
        names = {path.name for path in self.directory.iterdir()}
        return sorted(name for name in names if name.startswith("mosaic-"))

    def about(self) -> dict[int, dict[str, Any]]:
        """What each worker says of the mosaic, by its process id."""
        path = STREAM.replace("/mosaic", "/mosaic/status")
        found: dict[int, dict[str, Any]] = {}

        def all_answered() -> bool:
            document = status(self.api, path)
            found[document["worker"]] = document
            return {worker.pid for worker in self.api.workers()} <= set(found)

        wait_until(all_answered, "an answer of every worker", 20.0)
        return found

    def composing(self) -> psutil.Process:
        """The worker that composes the mosaic; there is one, and never two."""
        found: list[int] = []

        def one_composes() -> bool:
            about = self.about().items()
            found[:] = [pid for pid, each in about if each["mosaic"]["composed_here"]]
            assert len(found) < 2
            return len(found) == 1

        wait_until(one_composes, "one worker to compose", 10.0)
        return psutil.Process(found[0])


@pytest.fixture
def directory(segment_name: str) -> Iterator[Path]:
    """A directory of shared memory for this test alone."""
    directory = SHARED_MEMORY / f"{segment_name}.d"
    directory.mkdir()
    yield directory
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()


@pytest.fixture
def site(directory: Path, service: Services) -> Site:
    return Site(service, directory)


@pytest.fixture
def audience(site: Site) -> Iterator[Audience]:
    """Two viewers of the mosaic, one at each worker."""
    with Audience(site.api, STREAM) as seated:
        seated.seat("")
        yield seated


def numbers(image: NDArray[np.uint8]) -> list[int | None]:
    """The number of the frame that each tile shows, read off its top and bottom; None: no frame."""
    found: list[int | None] = []
    for index in range(GRID.tiles):
        box = GRID.box(index)
        inner = box.fit(4, 3) if index == 1 else box
        top, bottom = read_codes(image[inner.region])
        assert top == bottom, "halves of different frames"
        found.append(None if top is None else top.sequence)
    return found


def assert_tiles_go_on(parts: list[Part]) -> list[list[int | None]]:
    """Check that no camera's number goes back; gives the numbers by part."""
    seen = [numbers(decoded(part)) for part in parts]
    for camera in zip(*seen, strict=True):
        shown = [number for number in camera if number is not None]
        assert shown == sorted(shown)
    return seen


def test_every_tile_is_its_camera_whole_and_the_newest(site: Site) -> None:
    with MjpegClient(site.api.url + STREAM) as client:
        parts = [client.next_part() for _ in range(45)]
        code, headers, body = get(site.api.url + "/stream/door/frame")
    seen = assert_tiles_go_on(parts)
    assert all(part.headers["x-size"] == "1280x720" for part in parts)
    assert all(part.headers["x-online"] == "1" for part in parts)
    for video, door, yard in seen:
        assert video is not None
        assert door is not None
        assert yard is None, "nobody writes it"
    assert len({video for video, _, _ in seen}) > 40, "it moves"
    assert len({door for _, door, _ in seen}) > 25
    assert code == 200
    newest = read_codes(picture(body))[0]
    assert newest is not None
    assert 0 <= newest.sequence - (seen[-1][1] or 0) < 20, headers
    for part, shown in zip(parts, seen, strict=True):
        top, _ = read_codes(decoded(part)[GRID.box(0).region])
        assert top is not None
        assert top.sequence == shown[0]
        assert part.timestamp - top.captured_wall_us / 1e6 < 0.2, "as old as its newest tile"


@pytest.mark.slow
def test_it_is_composed_and_encoded_once_for_all_workers(site: Site, audience: Audience) -> None:
    all_see(audience.all(), 15)
    before = site.about()
    all_see(audience.all(), 45)
    after = site.about()
    composed = [
        after[pid]["mosaic"]["composed"] - before[pid]["mosaic"]["composed"] for pid in after
    ]
    encoded = [after[pid]["encoded"] - before[pid]["encoded"] for pid in after]
    frames = max(each["frame_number"] for each in after.values()) - min(
        each["frame_number"] for each in before.values()
    )
    assert min(composed) == 0, "one of them only follows"
    assert 40 <= max(composed) <= frames + 1
    assert 40 <= sum(encoded) <= frames + 5, "one encoding for both"
    for viewer in audience.all():
        assert_never_back(viewer.parts)
        assert_tiles_go_on(viewer.parts[-10:])


@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_another_worker_goes_on_when_the_one_that_composes_ends(
    site: Site, audience: Audience, number: signal.Signals
) -> None:
    all_see(audience.all(), 15)
    ended = site.composing()
    others = audience.without(ended.pid)
    assert others
    before = [len(viewer.parts) for viewer in others]

    ended.send_signal(number)

    wait_until(
        lambda: all(
            len({(part.epoch, part.number) for part in viewer.parts[seen:]}) > 45
            for viewer, seen in zip(others, before, strict=True)
        ),
        "the stream to go on",
        20.0,
    )
    for viewer, seen in zip(others, before, strict=True):
        later = list(viewer.parts[seen - 1 :])
        assert not viewer.ended
        assert len({part.epoch for part in later}) == 2, "another ring"
        assert_never_back(later)
        assert_tiles_go_on(later)
        assert all(part.headers["x-online"] == "1" for part in later), "no blank in between"
    assert site.composing().pid != ended.pid


@pytest.mark.slow
def test_a_camera_that_stops_shows_no_signal_and_the_others_move(
    site: Site, audience: Audience
) -> None:
    all_see(audience.all(), 10)
    site.videos[1].stop()
    (viewer, *_) = audience.all()
    wait_until(lambda: numbers(decoded(viewer.parts[-1]))[1] is None, "no signal", 10.0)
    stopped_at = len(viewer.parts)
    all_see(audience.all(), 30)
    later = [numbers(decoded(part)) for part in viewer.parts[stopped_at:]]
    assert {door for _, door, _ in later} == {None}
    assert len({video for video, _, _ in later}) >= 25, "the others move"
    box = GRID.box(1)
    ground = decoded(viewer.parts[-1])[box.top + 10, box.left + 10]
    assert ground.tolist() == pytest.approx([38, 38, 38], abs=6), "the ground of a blank"


@pytest.mark.slow
def test_a_camera_that_comes_back_is_shown_again(
    site: Site, service: Services, audience: Audience
) -> None:
    site.videos[1].stop()
    (viewer, *_) = audience.all()
    wait_until(lambda: numbers(decoded(viewer.parts[-1]))[1] is None, "no signal", 10.0)
    name = f"{service.segment}-door"
    service.video("pattern://640x480@20", video__shared_memory_name=name)
    wait_until(lambda: numbers(decoded(viewer.parts[-1]))[1] is not None, "the camera", 20.0)
    assert not viewer.ended


@pytest.mark.slow
def test_nothing_is_left_when_nobody_watches(site: Site) -> None:
    assert site.files() == [], "nothing before anybody watched"
    viewer = Viewer(site.api.url + STREAM)
    names = site.files()
    viewer.leave()
    assert any(is_mosaic(Path(name).stem) for name in names)
    wait_until(lambda: site.files() == [], "its files to go", 20.0)
    before = sum(each["encoded"] for each in statuses(site.api).values())
    viewer = Viewer(site.api.url + STREAM)
    viewer.leave()
    assert sum(each["encoded"] for each in statuses(site.api).values()) == before


@pytest.mark.slow
def test_one_mosaic_too_many_is_refused(directory: Path, service: Services) -> None:
    site = Site(service, directory, most=1)
    with MjpegClient(site.api.url + STREAM):
        for _ in range(4):  # whichever worker answers
            code, headers, body = get(site.api.url + "/stream/mosaic/frame?cameras=door")
            assert code == 429
            refused = json.loads(body)
            assert refused["setting"] == "api.mosaic.max"
            assert refused["mosaics"] == ["cameras=video,door,yard&cols=2"]
            assert headers["retry-after"] == "10"
        code, _, _ = get(site.api.url + STREAM.replace("/mosaic", "/mosaic/frame"))
        assert code == 200


@pytest.mark.slow
def test_it_is_swept_up_after_a_killed_server(
    site: Site, service: Services, directory: Path
) -> None:
    viewer = Viewer(site.api.url + STREAM)
    site.api.signal(signal.SIGSTOP)
    site.api.kill()
    viewer.leave()
    assert site.files() != []
    service.api().wait_ready()
    assert site.files() == []
    del directory
