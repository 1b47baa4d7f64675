from __future__ import annotations

import pytest

from services.api.raw_room import NoRoomForRaw, check_room

MB = 2**20


def test_there_is_room_until_the_limit() -> None:
    check_room(0, 6 * MB, 6)
    check_room(506 * MB, 6 * MB, 512)
    with pytest.raises(NoRoomForRaw, match=r"hold 507 MiB .* api\.limits\.max_raw_mb=512"):
        check_room(507 * MB, 6 * MB, 512)
