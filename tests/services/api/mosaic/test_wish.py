from __future__ import annotations

from pathlib import Path

import pytest

from services.api.mosaic.wish import Mosaic, parse_mosaic
from services.api.query import BadParameters
from shared.naming import SegmentPaths, is_mosaic, segment_paths
from shared.settings_mosaic import MosaicSettings

SHM = Path("/dev/shm")  # noqa: S108 - never opened
KNOWN = [f"camera{number}" for number in range(5)]


def paths_of(name: str) -> SegmentPaths:
    if name not in KNOWN:
        raise LookupError(name)
    return segment_paths(f"ring-of-{name}", SHM)


def parsed(query: dict[str, str], known: list[str] | None = None, **settings: int) -> Mosaic:
    return parse_mosaic(
        query, KNOWN if known is None else known, paths_of, MosaicSettings(**settings)
    )


def test_all_cameras_are_shown_where_none_is_named() -> None:
    mosaic = parsed({})
    assert [name for name, _ in mosaic.cameras] == KNOWN
    assert (mosaic.grid.tiles, mosaic.grid.columns) == (5, 3)
    assert mosaic.query == "cameras=camera0,camera1,camera2,camera3,camera4&cols=3"


def test_cameras_stand_in_the_order_they_are_named_in() -> None:
    mosaic = parsed({"cameras": "camera3,camera1", "cols": "1", "quality": "17"})
    assert mosaic.cameras == tuple((name, paths_of(name)) for name in ("camera3", "camera1"))
    assert mosaic.query == "cameras=camera3,camera1&cols=1"


def test_no_column_stays_empty() -> None:
    assert parsed({"cameras": "camera1,camera2", "cols": "16"}).grid.columns == 2


@pytest.mark.parametrize(
    "cameras", ["", ",", "camera1,", "camera1,camera1", ",".join(f"x{n}" for n in range(65))]
)
def test_what_names_no_cameras_is_refused(cameras: str) -> None:
    with pytest.raises(BadParameters, match="1 to 64 names of cameras, separated by commas"):
        parsed({"cameras": cameras})


@pytest.mark.parametrize("cols", ["0", "17", "two", "-1", "1.5", ""])
def test_columns_are_1_to_16(cols: str) -> None:
    with pytest.raises(BadParameters, match=f"cols='{cols}' is not a whole number from 1 to 16"):
        parsed({"cols": cols})


def test_too_many_cameras_are_to_be_named() -> None:
    many = [f"camera{number}" for number in range(65)]
    with pytest.raises(BadParameters, match="there are 65 cameras: name those wanted"):
        parsed({}, many)


def test_an_unknown_camera_is_whatever_its_finder_says() -> None:
    with pytest.raises(LookupError, match="attic"):
        parsed({"cameras": "camera1,attic"})


def test_equal_mosaics_have_one_ring_and_others_another() -> None:
    one = parsed({"cameras": "camera1,camera2"})
    assert one.paths == parsed({"cameras": "camera1,camera2", "cols": "2", "fps": "3"}).paths
    assert is_mosaic(one.paths.name)
    others = [
        parsed({"cameras": "camera2,camera1"}),
        parsed({"cameras": "camera1,camera2", "cols": "1"}),
        parsed({"cameras": "camera1,camera2"}, width=640),
        parsed({"cameras": "camera1,camera2"}, fps=5),
        parsed({"cameras": "camera1"}),
    ]
    assert len({mosaic.paths for mosaic in [one, *others]}) == 6
