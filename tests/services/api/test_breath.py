from __future__ import annotations

import gevent

from services.api.breath import breathe


def test_all_others_have_their_turn_those_that_wait_for_time_too() -> None:
    turns: list[str] = []
    for number in range(100):
        gevent.spawn(turns.append, f"greenlet {number}")
    gevent.spawn_later(0, turns.append, "timer")
    breathe()
    breathe()
    assert len(turns) == 101
