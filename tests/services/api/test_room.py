from __future__ import annotations

import os
from typing import TYPE_CHECKING

from services.api.room import Room

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Clock


def test_sizes_are_the_file_systems_and_looked_up_once_a_second(
    tmp_path: Path, clock: Clock
) -> None:
    directory = tmp_path / "shm"
    room = Room(directory, clock)
    assert room.sizes() == {"total": None, "used": None, "free": None}
    directory.mkdir()
    clock.now_s += 0.9
    assert room.sizes()["total"] is None, "kept for a second"
    clock.now_s += 0.2
    sizes, found = room.sizes(), os.statvfs(directory)
    assert sizes["total"] == found.f_blocks * found.f_frsize
    assert sizes["free"] is not None
    assert sizes["used"] is not None
    assert 0 < sizes["free"] <= sizes["total"] - sizes["used"]
