"""A mosaic in one worker, from its first client to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gevent.lock import BoundedSemaphore

from services.api.camera import Camera
from services.api.mosaic.composer import Composer
from services.api.mosaic.grid import Grid
from services.api.mosaic.running import RunningMosaic
from services.api.mosaic.wish import Mosaic
from services.api.variant import Variant
from shared.frame import MonotonicNs
from shared.ring.reader import RingReader
from tests.support.greenlets import let_run, turns_until
from tests.support.pictures import number_in
from tests.support.streams import picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.api.encoder import Encoder
    from shared.settings import Settings
    from tests.services.api.mosaic.conftest import Source


class Worker:
    """One worker: what it has opened and closed."""

    def __init__(self, mosaic: Mosaic, settings: Settings, encoder: Encoder) -> None:
        self.turn = BoundedSemaphore()
        self.cameras: list[Camera] = []
        self.closed: list[Camera] = []
        self.over = 0
        self._settings = settings
        self._encoder = encoder
        self.composer = Composer(mosaic, lambda task: task())
        self.running = RunningMosaic(mosaic, self.composer, self, linger_s=0.2)

    def open_camera(self, mosaic: Mosaic) -> Camera:
        paths = mosaic.paths
        camera = Camera(paths.name, paths, self._settings, self._encoder, lambda: False)
        camera.start()
        self.cameras.append(camera)
        return camera

    def close_camera(self, camera: Camera) -> None:
        self.closed.append(camera)
        camera.stop()

    def forget(self, running: RunningMosaic) -> None:
        assert running is self.running
        self.over = 1


@pytest.fixture
def mosaic(source: Source) -> Mosaic:
    return Mosaic((("door", source.paths),), Grid(1, 1, 320), 30.0)


@pytest.fixture
def workers(mosaic: Mosaic, settings: Settings, encoder: Encoder) -> Iterator[list[Worker]]:
    made = [Worker(mosaic, settings, encoder) for _ in range(2)]
    yield made
    for worker in made:
        worker.running.stop()
        assert worker.closed == worker.cameras
    assert list(mosaic.paths.directory.glob(f"{mosaic.paths.name}*")) == []


@pytest.fixture
def worker(workers: list[Worker]) -> Worker:
    return workers[0]


def test_who_asks_is_given_pictures(worker: Worker, source: Source) -> None:
    source.tell(7)
    camera = worker.running.ask()
    info = camera.wait_for_frame()
    jpeg = camera.snapshot(info, Variant(90))
    assert number_in(picture(jpeg.picture)) == 7
    status = worker.running.status()
    assert status["cameras"] == ["door"]
    assert (status["cols"], status["tile"]) == (1, [320, 180])
    assert status["composed_here"]
    assert status["composed"] >= 1
    assert status["compose_ms"] > 0
    assert worker.running.ask() is camera, "one for all who ask"


def test_nothing_is_left_a_while_after_the_last_has_left(
    worker: Worker, source: Source, mosaic: Mosaic
) -> None:
    source.tell(7)
    worker.running.ask().wait_for_frame()
    turns_until(lambda: worker.over == 1, "the end")
    assert worker.closed == worker.cameras
    assert not worker.composer.leads
    assert list(mosaic.paths.directory.glob(f"{mosaic.paths.name}*")) == []


def test_who_waits_for_frames_keeps_it(worker: Worker, source: Source) -> None:
    source.tell(1)
    camera = worker.running.ask()
    last = camera.wait_for_frame()
    for number in (2, 3, 4):
        let_run(0.15)  # longer together than it lingers
        source.tell(number)
        last = camera.wait_for_frame(MonotonicNs(last.captured_at), timeout_s=5.0)
    assert worker.over == 0
    assert len(worker.cameras) == 1


def test_who_composes_goes_on_for_others_and_ends_with_them(
    workers: list[Worker], source: Source
) -> None:
    first, second = workers
    source.tell(1)
    first.running.ask().wait_for_frame()
    camera = second.running.ask()
    camera.wait_for_frame()
    turns_until(first.composer.watched, "the subscription")

    def goes_on() -> bool:
        source.tell(2)
        camera.wait_for_frame(timeout_s=5.0)
        second.running.ask()
        return first.closed == first.cameras

    turns_until(goes_on, "the first worker's own camera to be closed")
    assert first.composer.leads, "for the other one"
    turns_until(lambda: (first.over, second.over) == (1, 1), "the end of both")


def test_another_worker_takes_over(workers: list[Worker], source: Source) -> None:
    first, second = workers
    source.tell(1)
    first.running.ask().wait_for_frame()
    camera = second.running.ask()
    epoch = camera.wait_for_frame().epoch
    assert not second.composer.leads

    first.running.stop()

    def took_over() -> bool:
        second.running.ask()
        newest = camera.feed.newest
        return newest is not None and newest.epoch > epoch

    turns_until(took_over, "a frame of the other worker")
    assert second.running.status()["composed_here"]
    assert camera.online()


def test_stopping_again_is_harmless(worker: Worker) -> None:
    worker.running.ask()
    worker.running.stop()
    worker.running.stop()
    assert worker.closed == worker.cameras


def test_one_that_is_seldom_composed_does_not_seem_to_hang(
    source: Source, settings: Settings, encoder: Encoder
) -> None:
    mosaic = Mosaic((("door", source.paths),), Grid(1, 1, 320), 0.1)
    worker = Worker(mosaic, settings, encoder)
    try:
        source.tell(1)
        camera = worker.running.ask()
        camera.wait_for_frame()
        reader = RingReader.open(mosaic.paths)
        beats = set()

        def has_beaten() -> bool:
            beats.add(reader.heartbeat)
            worker.running.ask()
            return len(beats) > 3

        turns_until(has_beaten, "the beats")
        assert camera.online()
        reader.close()
    finally:
        worker.running.stop()
