from __future__ import annotations

import pytest

from services.api.raw_room import NoRoomForRaw, RawRoom

MB = 2**20


def test_there_is_room_until_the_limit_and_again_when_one_leaves() -> None:
    room = RawRoom(512)
    room.hold(501 * MB)  # nobody keeps the seat: it is given back
    seats = [room.hold(501 * MB), room.hold(6 * MB)]
    with pytest.raises(NoRoomForRaw, match=r"hold 507 MiB .* api\.limits\.max_raw_mb=512"):
        room.hold(6 * MB)
    seats[1].leave()
    seats[1].leave()
    room.hold(6 * MB)
