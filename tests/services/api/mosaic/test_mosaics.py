"""The mosaics of a worker, in a directory where nobody else has any."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from services.api.cameras import Cameras
from services.api.led_ring import has_leader
from services.api.mosaic.composer import Composer
from services.api.mosaic.grid import Grid
from services.api.mosaic.mosaics import TooManyMosaics
from services.api.mosaic.wish import Mosaic
from services.api.variant import Variant
from shared.naming import mosaics_left, segment_paths, variant_paths
from tests.services.api.conftest import AliveWorker
from tests.services.api.mosaic.conftest import Source
from tests.support.greenlets import turns_until
from tests.support.pictures import number_in
from tests.support.streams import picture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.api.mosaic.mosaics import Mosaics
    from shared.settings import Settings


@pytest.fixture
def directory(segment_name: str) -> Iterator[Path]:
    """A directory of shared memory for this test alone."""
    directory = segment_paths(segment_name).directory / f"{segment_name}.d"
    directory.mkdir()
    yield directory
    left = [path.name for path in directory.iterdir()]
    shutil.rmtree(directory)
    assert left == []


@pytest.fixture
def door(directory: Path) -> Iterator[Source]:
    source = Source(segment_paths("door", directory))
    source.tell(7)
    yield source
    source.writer.close()


@pytest.fixture
def cameras(settings: Settings, directory: Path) -> Iterator[Cameras]:
    """A worker in which two mosaics may run."""
    video = settings.video.model_copy(update={"shared_memory_directory": directory})
    limited = settings.api.mosaic.model_copy(update={"max": 2})
    api = settings.api.model_copy(update={"mosaic": limited})
    cameras = Cameras(settings.model_copy(update={"video": video, "api": api}))
    cameras.start(AliveWorker())
    yield cameras
    cameras.stop()


@pytest.fixture
def mosaics(cameras: Cameras) -> Mosaics:
    return cameras.mosaics


def of(door: Source, width: int = 320) -> Mosaic:
    """A mosaic of one camera; another one for another width."""
    return Mosaic((("door", door.paths),), Grid(1, 1, width), 30.0)


def test_equal_mosaics_are_one_camera_that_no_list_tells_of(
    mosaics: Mosaics, cameras: Cameras, door: Source
) -> None:
    camera = mosaics.ask(of(door))
    assert mosaics.ask(of(door)) is camera
    info = camera.wait_for_frame()
    assert number_in(picture(camera.snapshot(info, Variant(90)).picture)) == 7
    assert camera.name == of(door).paths.name
    assert camera.name not in cameras.names()
    status = mosaics.status(of(door))
    assert (status["cameras"], status["composed_here"]) == (["door"], True)


def test_one_too_many_is_refused_with_those_there_are(mosaics: Mosaics, door: Source) -> None:
    mosaics.ask(of(door, 320)).wait_for_frame()
    mosaics.ask(of(door, 322)).wait_for_frame()
    with pytest.raises(
        TooManyMosaics, match=r"2 are composed already, as many as api\.mosaic\.max"
    ) as refused:
        mosaics.ask(of(door, 324))
    assert refused.value.running == ["cameras=door&cols=1"] * 2
    assert not has_leader(of(door, 324).paths)
    mosaics.ask(of(door, 322))


def test_what_another_worker_composes_may_be_followed_and_counts(
    mosaics: Mosaics, door: Source
) -> None:
    others = [Composer(of(door, width), lambda task: task()) for width in (330, 332)]
    try:
        assert [other.try_to_lead() for other in others] == [True, True]
        with pytest.raises(TooManyMosaics) as refused:
            mosaics.ask(of(door, 320))
        names = sorted(of(door, width).paths.name for width in (330, 332))
        assert refused.value.running == names, "there is no frame of them yet"
        camera = mosaics.ask(of(door, 330))
        others[0].turn()
        camera.wait_for_frame()
        assert not mosaics.status(of(door, 330))["composed_here"]
    finally:
        for other in others:
            other.close()


def test_stopping_leaves_nothing(mosaics: Mosaics, door: Source, directory: Path) -> None:
    mosaics.ask(of(door)).wait_for_frame()
    mosaics.stop()
    assert mosaics_left(directory) == []
    mosaics.stop()


def test_what_killed_workers_left_is_swept_up_at_the_start(
    mosaics: Mosaics, door: Source, directory: Path
) -> None:
    dead = of(door, 640).paths
    for paths in (dead, variant_paths(dead, "q40")):
        for path in (paths.ring, paths.lock, paths.socket):
            path.touch()
    mosaics.ask(of(door)).wait_for_frame()

    mosaics.start()

    assert mosaics_left(directory) == [of(door).paths], "what somebody leads stays"


def test_a_mosaic_whose_frames_nobody_wants_any_more_ends(
    mosaics: Mosaics, door: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.mosaic.running.LINGER_S", 0.2)
    camera = mosaics.ask(of(door))
    camera.wait_for_frame()
    turns_until(lambda: camera.stopped, "its end")
    turns_until(lambda: mosaics_left(door.paths.directory) == [], "its files to go")
    again = mosaics.ask(of(door))
    assert again is not camera
    assert again.wait_for_frame().epoch > 0
