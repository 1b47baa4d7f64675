"""Cameras come and go while an API with two workers runs, in a directory of their own."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.audience import Viewer, longest_gap, statuses
from tests.support.mjpeg_client import get
from tests.support.processes import SMALL, Child, wait_until
from tests.support.scrape import Scrape
from tests.support.streams import assert_never_back
from tests.support.ws_client import WsClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import Api, Services

pytestmark = [
    *(pytest.mark.process, pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(150)),
]

GRACE_S = 6.0
OFTEN = 12
"""Requests that reach both of two workers, but for one time in two thousand."""


class Building:
    """An API that discovers, the Video Module of its default camera, and others."""

    def __init__(self, service: Services, directory: Path) -> None:
        self._service = service
        self._where = {"video__shared_memory_directory": str(directory)}
        self.video = service.video(**self._where)  # type: ignore[arg-type]  # settings by name
        self.api: Api = service.api(
            api__workers=2,
            api__discover_cameras=True,
            api__stream__video_loss_grace_sec=GRACE_S,
            **self._where,  # type: ignore[arg-type]  # settings by name
        ).wait_ready()

    def begin(self, name: str) -> Child:
        """Start the Video Module of a further camera."""
        return self._service.video(SMALL, video__shared_memory_name=name, **self._where)  # type: ignore[arg-type]  # settings by name

    def write(self, cameras: int, directory: Path) -> None:
        """Start a process that writes ``camera000`` and so many more, all small."""
        program = [sys.executable, "-m", "benchmarks.discovered", str(cameras)]
        environment = self._service.environment({})
        child = Child([*program, "--write", str(directory)], environment, self._service.log("many"))
        self._service.children.append(child)

    def listed(self) -> list[dict[str, Any]]:
        code, _, body = get(f"{self.api.url}/cameras")
        assert code == 200
        cameras: list[dict[str, Any]] = json.loads(body)["cameras"]
        return cameras

    def names(self) -> list[str]:
        return [camera["name"] for camera in self.listed()]

    def online(self) -> list[str]:
        return [camera["name"] for camera in self.listed() if camera["online"]]

    def wait_for(self, *names: str) -> None:
        """Wait until every worker lists these cameras, and no others, all online."""
        wanted = ["video", *names]
        wait_until(
            lambda: all(self.online() == self.names() == wanted for _ in range(OFTEN)),
            f"the cameras {wanted}",
        )

    def has_metrics_of(self, name: str) -> set[bool]:
        """What the workers say."""
        scrapes = [Scrape(self.api) for _ in range(OFTEN)]
        return {
            any(("camera", name) in labels for _, labels in scrape.samples) for scrape in scrapes
        }


@pytest.fixture
def directory() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="test-", dir="/dev/shm"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def building(directory: Path, service: Services) -> Iterator[Building]:
    try:
        yield Building(service, directory)
    finally:
        service.stop(show_logs=False)


def parts_sent(scrape: Scrape, camera: str) -> float:
    return scrape.sum("ringcast_parts_sent_total", camera=camera)


def test_cameras_come_and_go_and_a_client_of_another_one_never_notices(
    building: Building,
) -> None:
    api = building.api
    watching = Viewer(f"{api.url}/stream/video")
    try:
        assert building.names() == ["video"]
        door, gate = building.begin("door"), building.begin("gate")
        building.wait_for("door", "gate")
        assert building.has_metrics_of("door") == {True}
        viewers = [Viewer(f"{api.url}/stream/{name}") for name in ("door", "gate") * 3]
        with WsClient(f"{api.url}/ws") as client:
            client.say(subscribe="door", id=1)
            assert client.told("subscribed")["camera"] == "door"
            assert client.picture(1).jpeg

            door.kill()
            assert building.names() == ["video", "door", "gate"], "its ring is left, and it is told"
            door = building.begin("door")
            door.wait_for_log("the Video Module starts")
            building.wait_for("door", "gate")
            assert not any(viewer.ended for viewer in viewers), "a restart is no vanishing"
            before = Scrape(api)
            assert parts_sent(before, "door") > 0

            door.stop()
            assert client.told("ended")["ended"] == 1
            wait_until(lambda: all(viewer.ended for viewer in viewers[::2]), "streams to end")
            building.wait_for("gate")
            client.say(subscribe="door", id=2)
            refused = client.told("error")
        assert refused["error"]["cameras"] == ["video", "gate"]
        assert building.has_metrics_of("door") == {False}
        for path in ("", "/frame", "/status"):
            code, _, body = get(f"{api.url}/stream/door{path}")
            assert (code, json.loads(body)["cameras"]) == (404, ["video", "gate"])
        assert not any(viewer.ended for viewer in viewers[1::2])

        door = building.begin("door")
        building.wait_for("door", "gate")
        assert Scrape(api).gone_back_since(before) == []
        for viewer in viewers:
            viewer.leave()
        for each in (door, gate):
            each.stop()
        building.wait_for()
        assert not watching.ended
        assert watching.frames_after(watching.newest() - 20) >= 10
    finally:
        watching.leave()
    assert_never_back(watching.parts)
    assert longest_gap(watching.parts) <= 60, "frames, of 30 in a second"


def test_cameras_stay_known_and_counted_when_workers_are_killed(building: Building) -> None:
    api = building.api
    building.begin("door")
    building.wait_for("door")
    viewers = [Viewer(f"{api.url}/stream/door") for _ in range(6)]
    try:
        wait_until(lambda: parts_sent(Scrape(api), "door") > 60, "pictures of the camera")
        before = Scrape(api)
        for worker in api.workers():
            worker.send_signal(signal.SIGKILL)
            answered = 0
            while answered < OFTEN:
                code = api.answers("/stream/door/frame")
                assert code != 404, "never unknown, whoever answers"
                answered += code == 200
            wait_until(lambda: len(api.workers()) == 2, "another worker")
            again = Scrape(api)
            assert again.gone_back_since(before) == []
            before = again
    finally:
        for viewer in viewers:
            viewer.leave()
    building.wait_for("door")
    last = Viewer(f"{api.url}/stream/door")
    try:
        sent = parts_sent(before, "door")
        wait_until(lambda: parts_sent(Scrape(api), "door") > sent + 5, "more to be counted")
    finally:
        last.leave()


def test_sixty_four_cameras_are_served_listed_and_counted(
    building: Building, directory: Path
) -> None:
    api = building.api
    building.write(64, directory)
    names = [f"camera{number:03}" for number in range(64)]
    building.wait_for(*names)
    viewers = [Viewer(f"{api.url}/stream/{name}") for name in names[::4]]
    try:
        wait_until(
            lambda: all(parts_sent(Scrape(api), name) > 5 for name in names[::4]),
            "pictures of every fourth camera to be counted",
        )
        found = Scrape(api)
        assert not any(viewer.ended for viewer in viewers)
        told = statuses(api)
        assert len(told) == 2
    finally:
        for viewer in viewers:
            viewer.leave()
    for name in ["video", *names]:
        assert found.sum("ringcast_camera_online", camera=name) == 1
        assert found.sum("ringcast_frames_captured_total", camera=name) > 0
    assert found.sum("ringcast_clients") == len(viewers)
    assert "Traceback" not in api.said()


def test_worker_that_is_stopped_keeps_no_camera_from_the_others(building: Building) -> None:
    api = building.api
    stopped = api.workers()[0]
    stopped.send_signal(signal.SIGSTOP)
    try:
        building.begin("door")
        building.wait_for("door")
        viewer = Viewer(f"{api.url}/stream/door")
        try:
            wait_until(lambda: parts_sent(Scrape(api), "door") > 20, "pictures to be counted")
        finally:
            viewer.leave()
        before = Scrape(api)
    finally:
        stopped.send_signal(signal.SIGCONT)
    statuses(api)  # both answer again
    building.wait_for("door")
    assert building.has_metrics_of("door") == {True}
    for _ in range(OFTEN):
        assert Scrape(api).gone_back_since(before) == []
