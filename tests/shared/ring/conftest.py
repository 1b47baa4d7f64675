"""A ring with three telling frames in it, and its reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.frame import MonotonicNs
from shared.ring.reader import RingReader
from tests.shared.conftest import TINY
from tests.support.frames import draw_telling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.ring.writer import RingWriter


SLOTS = 4


def write(writer: RingWriter, frames: int) -> None:
    for _ in range(frames):
        slot = writer.begin(TINY)
        draw_telling(slot.image, slot.sequence)
        writer.commit(slot, MonotonicNs(1))


@pytest.fixture
def reader(writer: RingWriter) -> Iterator[RingReader]:
    write(writer, 3)
    opened = RingReader.open(writer.paths)
    yield opened
    opened.close()
