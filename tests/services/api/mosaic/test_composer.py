"""Real rings in, a real ring out; the thread is the test's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from services.api.mosaic.composer import Composer
from services.api.mosaic.grid import Grid
from services.api.mosaic.wish import Mosaic
from shared.errors import RingUnavailable
from shared.naming import segment_paths
from shared.ring.reader import RingReader
from tests.support.pictures import bars_are_right, number_in
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from shared.frame import FrameInfo
    from tests.services.api.mosaic.conftest import Source


@pytest.fixture
def mosaic(sources: list[Source]) -> Mosaic:
    cameras = tuple((f"camera{index}", source.paths) for index, source in enumerate(sources))
    return Mosaic(cameras, Grid(3, 2, 640), 15.0)


@pytest.fixture
def composer(mosaic: Mosaic) -> Iterator[Composer]:
    composer = Composer(mosaic, lambda task: task())
    yield composer
    composer.close()
    assert list(mosaic.paths.directory.glob(f"{mosaic.paths.name}*")) == []


def newest(mosaic: Mosaic) -> tuple[FrameInfo, NDArray[np.uint8]]:
    reader = RingReader.open(mosaic.paths)
    try:
        with reader.view(reader.head) as view:
            return view.info, view.copy()
    finally:
        reader.close()


def tiles_of(mosaic: Mosaic, image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    return [image[mosaic.grid.box(index).region] for index in range(mosaic.grid.tiles)]


def test_every_camera_has_its_tile(
    mosaic: Mosaic, composer: Composer, sources: list[Source]
) -> None:
    infos = [source.tell(number, 640, 360) for number, source in enumerate(sources, 50)]
    assert composer.try_to_lead()
    assert composer.turn()
    info, image = newest(mosaic)
    assert image.shape == (360, 640, 3)
    tiles = tiles_of(mosaic, image)
    assert [number_in(tile) for tile in tiles] == [50, 51, 52]
    assert all(bars_are_right(tile) for tile in tiles)
    assert (image[180:, 320:] == 0).all(), "where there is no fourth"
    assert info.online
    assert info.captured_at == max(each.captured_at for each in infos), "that of the newest"


def test_it_is_composed_only_when_a_camera_has_something_new(
    mosaic: Mosaic, composer: Composer, sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    for source in sources:
        source.tell(1)
    composer.try_to_lead()
    assert composer.turn()
    drawn = [tile.draw for tile in composer.tiles]
    calls: list[int] = []
    for index, tile in enumerate(composer.tiles):

        def draw(canvas: NDArray[np.uint8], index: int = index) -> bool:
            calls.append(index)
            return drawn[index](canvas)

        monkeypatch.setattr(tile, "draw", draw)
    assert not composer.turn()
    later = sources[1].tell(2)
    assert composer.turn()
    assert calls == [1], "the others are not drawn again"
    info, image = newest(mosaic)
    assert [number_in(tile) for tile in tiles_of(mosaic, image)] == [1, 2, 1]
    assert (info.sequence, info.captured_at) == (2, later.captured_at)
    assert composer.composed == 2
    assert composer.busy_ns > 0


def test_a_camera_that_ends_shows_no_signal_and_the_others_go_on(
    mosaic: Mosaic, composer: Composer, sources: list[Source]
) -> None:
    for source in sources:
        source.tell(1)
    composer.try_to_lead()
    composer.turn()
    sources[0].writer.close()
    sources[1].tell(2)
    assert composer.turn()
    info, image = newest(mosaic)
    tiles = tiles_of(mosaic, image)
    assert [number_in(tile) for tile in tiles] == [None, 2, 1]
    assert (tiles[0][:40] == 38).all(), "the ground of a blank"
    assert info.online


def test_without_any_picture_the_mosaic_is_a_blank_itself(
    mosaic: Mosaic, composer: Composer, sources: list[Source]
) -> None:
    before = time.monotonic_ns()
    composer.try_to_lead()
    composer.turn()
    info, _ = newest(mosaic)
    assert not info.online
    assert info.reason == "no camera of this mosaic gives a picture"
    assert info.captured_at >= before
    sources[2].tell(1)  # its ring is looked for ten times a second
    wait_until(lambda: composer.turn() and newest(mosaic)[0].online, "the picture", 10.0)


def test_who_comes_second_follows_until_the_first_is_gone(
    mosaic: Mosaic, composer: Composer, sources: list[Source]
) -> None:
    sources[0].tell(1)
    composer.try_to_lead()
    composer.turn()
    epoch = newest(mosaic)[0].epoch
    other = Composer(mosaic, lambda task: task())
    assert not other.try_to_lead()
    assert not other.turn()
    composer.close()
    assert not composer.leads
    assert other.try_to_lead()
    assert other.turn(), "all is drawn, though no camera has anything new"
    info, image = newest(mosaic)
    assert info.epoch > epoch
    assert number_in(tiles_of(mosaic, image)[0]) == 1
    other.close()


def test_what_nothing_could_be_drawn_of_is_no_frame(mosaic: Mosaic, sources: list[Source]) -> None:
    sources[0].tell(1)
    composer = Composer(mosaic, lambda _: False)
    composer.try_to_lead()
    assert not composer.turn()
    assert composer.composed == 0
    with pytest.raises(RingUnavailable):
        newest_frame_of(mosaic)
    composer.close()


def newest_frame_of(mosaic: Mosaic) -> FrameInfo:
    reader = RingReader.open(mosaic.paths)
    try:
        if reader.head == 0:
            raise RingUnavailable(mosaic.paths.ring, "no frame")
        return reader.info(reader.head)
    finally:
        reader.close()


def test_where_there_is_no_room_it_is_said_and_tried_again_later(
    mosaic: Mosaic, sources: list[Source], caplog: pytest.LogCaptureFixture
) -> None:
    sources[0].tell(1)
    composer = Composer(mosaic, lambda task: task(), reserve_bytes=2**50)
    assert composer.try_to_lead()
    assert not composer.turn()
    assert "cannot be composed" in caplog.text
    assert not composer.leads, "the lock is for whoever has room"
    assert not composer.try_to_lead(), "not at once"


def test_where_there_is_no_directory_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = segment_paths("camera", tmp_path / "missing")
    composer = Composer(Mosaic((("camera", paths),), Grid(1, 1, 640), 15.0), lambda task: task())
    assert not composer.try_to_lead()
    assert "cannot be composed" in caplog.text


def test_others_can_tell_which_mosaic_it_is(
    mosaic: Mosaic, composer: Composer, sources: list[Source]
) -> None:
    sources[0].tell(1)
    composer.try_to_lead()
    composer.turn()
    reader = RingReader.open(mosaic.paths)
    assert reader.label == "cameras=camera0,camera1,camera2&cols=2"
    assert reader.hops == (f"gate-3/{mosaic.paths.name}",), "a node of the cameras' host"
    reader.close()
