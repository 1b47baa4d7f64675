from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from services.api.kept import LastFrame
from shared.ring.reader import RingReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths
    from shared.ring.writer import RingWriter


@pytest.fixture
def last() -> LastFrame:
    return LastFrame()


def test_newest_picture_before_the_blanks_is_kept_and_let_go_when_pictures_come(
    last: LastFrame, write: Callable[..., FrameInfo], paths: SegmentPaths
) -> None:
    write((1, 1, 1))
    picture = write((7, 8, 9))
    blank = write(online=False)
    reader = RingReader.open(paths)
    last.turn(blank, reader)
    for _ in range(reader.slots):
        write((0, 0, 0), online=False)
    assert last.kept is not None
    assert last.kept.info == picture
    assert last.kept.image.shape == (48, 64, 3)
    assert np.all(last.kept.image == (7, 8, 9)), "a copy: nobody writes over it"
    last.turn(write(), reader)
    assert last.kept is None


def test_what_was_kept_stays_where_the_ring_has_no_picture(
    last: LastFrame, write: Callable[..., FrameInfo], paths: SegmentPaths
) -> None:
    picture = write()
    reader = RingReader.open(paths)
    last.keep(reader)
    for _ in range(reader.slots):
        write(online=False)
    last.keep(reader)
    last.keep(None)
    assert last.kept is not None
    assert last.kept.info == picture


def test_nothing_is_kept_of_a_ring_that_was_cut(
    last: LastFrame, write: Callable[..., FrameInfo], paths: SegmentPaths, writer: RingWriter
) -> None:
    write()
    reader = RingReader.open(paths)
    with writer.paths.ring.open("r+b") as file:
        file.truncate(4096)
    last.keep(reader)
    assert last.kept is None
