"""One tile on a real ring."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from services.api import imaging
from services.api.mosaic.grid import Box
from services.api.mosaic.tile import Tile
from shared.frame import PixelFormat
from tests.support.pictures import bars_are_right, claiming, number_in, telling_jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tests.services.api.mosaic.conftest import Source

BOX = Box(320, 180, 320, 180)
SECOND_NS = 1_000_000_000


class NsClock:
    def __init__(self) -> None:
        self.now_ns = time.monotonic_ns()

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def canvas() -> NDArray[Any]:
    return np.full((360, 640, 3), 77, np.uint8)


@pytest.fixture
def ns_clock() -> NsClock:
    return NsClock()


@pytest.fixture
def tile(source: Source, ns_clock: NsClock) -> Iterator[Tile]:
    tile = Tile("door", source.paths, BOX, ns_clock)
    yield tile
    tile.close()


def redrawn(tile: Tile, canvas: NDArray[Any]) -> NDArray[Any]:
    """Look, draw, and give what lies in the box; nothing beside it may have changed."""
    assert tile.look()
    assert tile.draw(canvas)
    beside = np.ones(canvas.shape[:2], bool)
    beside[BOX.region] = False
    assert (canvas[beside] == 77).all()
    return canvas[BOX.region]


def is_blank(shown: NDArray[Any]) -> bool:
    return bool((shown[:40] == 38).all())


def test_a_frame_is_drawn_once(tile: Tile, source: Source, canvas: NDArray[Any]) -> None:
    info = source.tell(5, 1280, 720)
    shown = redrawn(tile, canvas)
    assert number_in(shown) == 5
    assert bars_are_right(shown)
    assert (tile.online, tile.captured_at) == (True, info.captured_at)
    assert not tile.look(), "nothing is new"
    source.tell(6, 1280, 720)
    assert number_in(redrawn(tile, canvas)) == 6


@pytest.mark.parametrize(("width", "height"), [(320, 180), (1920, 1080), (160, 90), (322, 181)])
def test_frames_of_any_size_fill_the_tile(
    tile: Tile, source: Source, canvas: NDArray[Any], width: int, height: int
) -> None:
    source.tell(9, width, height)
    shown = redrawn(tile, canvas)
    assert bars_are_right(shown)
    assert number_in(shown) == 9


@pytest.mark.parametrize("width", [320, 640, 1280, 2560])
def test_jpegs_are_decoded_at_a_fraction(
    tile: Tile, source: Source, canvas: NDArray[Any], width: int
) -> None:
    source.tell_jpeg(11, width, width * 9 // 16)
    shown = redrawn(tile, canvas)
    assert number_in(shown) == 11
    assert bars_are_right(shown)


@pytest.mark.parametrize(
    ("pixel_format", "pixel"),
    [
        (PixelFormat.RGB24, (30, 20, 10)),
        (PixelFormat.BGRA32, (10, 20, 30, 255)),
        (PixelFormat.RGBA32, (30, 20, 10, 255)),
        (PixelFormat.GRAY8, (20,)),
    ],
)
def test_every_order_of_channels_becomes_bgr(
    tile: Tile,
    source: Source,
    canvas: NDArray[Any],
    pixel_format: PixelFormat,
    pixel: tuple[int, ...],
) -> None:
    image = np.full((180, 320, len(pixel)), pixel, np.uint8).squeeze()
    source.show(image, pixel_format)
    wanted = [20, 20, 20] if pixel_format is PixelFormat.GRAY8 else [10, 20, 30]
    assert redrawn(tile, canvas)[90, 160].tolist() == wanted


def test_bars_stand_beside_a_picture_of_another_shape_and_go_with_it(
    tile: Tile, source: Source, canvas: NDArray[Any]
) -> None:
    source.tell(1, 320, 180)
    redrawn(tile, canvas)
    source.show(np.full((480, 640, 3), 200, np.uint8))  # the geometry changes
    shown = redrawn(tile, canvas)
    assert (shown[:100, :40] == 0).all(), "240 of 320 columns are picture"
    assert (shown[:, 280:] == 0).all()
    assert (shown[:100, 40:280] == 200).all()
    source.show(np.full((100, 320, 3), 90, np.uint8))
    shown = redrawn(tile, canvas)
    assert (shown[:40] == 0).all()
    assert (shown[40:100] == 90).all()


def test_the_name_stands_on_every_picture_alike(
    tile: Tile, source: Source, canvas: NDArray[Any]
) -> None:
    plain = np.full((180, 320, 3), 100, np.uint8)
    source.show(plain)
    first = redrawn(tile, canvas).copy()
    assert (first != 100).any(), "the name"
    source.show(plain)
    assert (redrawn(tile, canvas) == first).all(), "it does not add up"


def test_a_camera_without_ring_says_so_once_a_second(
    source: Source, canvas: NDArray[Any], ns_clock: NsClock
) -> None:
    source.writer.close()
    tile = Tile("door", source.paths, BOX, ns_clock)
    assert is_blank(redrawn(tile, canvas))
    assert not tile.online
    assert tile.captured_at == ns_clock.now_ns
    assert not tile.look()
    ns_clock.now_ns += SECOND_NS
    assert tile.look()


def test_a_writer_without_frame_is_no_signal_either(tile: Tile, canvas: NDArray[Any]) -> None:
    assert is_blank(redrawn(tile, canvas))


def test_a_blank_of_the_camera_is_drawn_anew_in_the_size_it_has_here(
    tile: Tile, source: Source, canvas: NDArray[Any]
) -> None:
    frame = np.full((720, 1280, 3), 200, np.uint8)
    info = source.show(frame, online=False, reason="cable pulled")
    assert is_blank(redrawn(tile, canvas))
    assert (tile.online, tile.captured_at) == (False, info.captured_at)
    source.tell(4)
    assert number_in(redrawn(tile, canvas)) == 4


def test_a_camera_that_ends_and_comes_again_is_followed(
    tile: Tile, source: Source, canvas: NDArray[Any], ns_clock: NsClock
) -> None:
    source.tell(1)
    redrawn(tile, canvas)
    source.writer.close()
    assert is_blank(redrawn(tile, canvas))
    source.writer.open()
    source.tell(2, 640, 480)
    deadline = time.monotonic() + 10
    while not (tile.look() and tile.draw(canvas) and tile.online):
        ns_clock.now_ns += SECOND_NS
        assert time.monotonic() < deadline
    assert bars_are_right(canvas[BOX.region][:, 40:280])


def overwriting(source: Source, monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """Have the writer lap the reader while a frame is made smaller, so often."""
    real = imaging.shrink
    seen: list[int] = []

    def slow(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
        seen.append(len(seen))
        if len(seen) <= times:
            for number in (100 + 2 * len(seen), 101 + 2 * len(seen)):  # as many as there are slots
                source.tell(number, 640, 360)
        return real(image, size)

    monkeypatch.setattr(imaging, "shrink", slow)
    return seen


def test_a_frame_overwritten_meanwhile_is_never_shown_but_the_newer_one(
    tile: Tile, source: Source, canvas: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    source.tell(1, 640, 360)
    seen = overwriting(source, monkeypatch, 1)
    assert number_in(redrawn(tile, canvas)) == 103
    assert len(seen) == 2
    assert not tile.look()


def test_a_tile_stays_as_it_was_where_the_writer_is_always_faster(
    tile: Tile, source: Source, canvas: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    source.tell(1, 640, 360)
    before = redrawn(tile, canvas).copy()
    source.tell(2, 640, 360)
    overwriting(source, monkeypatch, 99)
    assert tile.look()
    assert not tile.draw(canvas)
    assert (canvas[BOX.region] == before).all()
    assert tile.online


def test_a_damaged_jpeg_leaves_the_last_picture_and_lasting_damage_says_why(
    tile: Tile, source: Source, canvas: NDArray[Any], ns_clock: NsClock
) -> None:
    source.tell_jpeg(1)
    redrawn(tile, canvas)
    bomb = claiming(telling_jpeg(2), 9000, 9000)
    source.show_jpeg(bomb, 320, 180)
    assert tile.look()
    assert not tile.draw(canvas)
    assert "decoded" in tile.defect
    assert number_in(canvas[BOX.region]) == 1
    ns_clock.now_ns += 3 * SECOND_NS
    source.show_jpeg(bomb, 320, 180)
    assert is_blank(redrawn(tile, canvas))
    source.tell_jpeg(3)
    assert number_in(redrawn(tile, canvas)) == 3
    assert tile.defect == ""
