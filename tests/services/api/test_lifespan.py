"""When a stream is to end by the server's wish; time is moved by hand."""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING

import pytest

from services.api.lifecycle import Lifecycle
from services.api.lifespan import AGED, LEAVING, Lifespan

if TYPE_CHECKING:
    from tests.conftest import Clock


def never(_share: float) -> float:
    return math.inf


def test_stream_lasts_for_ever_where_nothing_else_is_set(clock: Clock) -> None:
    lifespan = Lifespan("ffff", never, 0.0, clock)
    clock.advance(1e9)
    assert lifespan.over(clock()) == ""


@pytest.mark.parametrize(("name", "age_s"), [("0000", 90.0), ("8000", 100.0), ("ffff", 110.0)])
def test_stream_ends_at_the_age_allowed_give_or_take_a_tenth(
    clock: Clock, name: str, age_s: float
) -> None:
    lifespan = Lifespan(name, never, 100.0, clock)
    clock.advance(age_s - 0.01)
    assert lifespan.over(clock()) == ""
    clock.advance(0.02)
    assert lifespan.over(clock()) == AGED


def test_streams_of_a_server_that_leaves_end_one_after_the_other(clock: Clock) -> None:
    lifecycle = Lifecycle(clock, spread_s=21.0)
    lifespans = [Lifespan(f"{n:02x}", lifecycle.turn, 0.0, clock) for n in range(0, 256, 16)]
    assert not any(each.over(clock()) for each in lifespans)
    lifecycle.leave()
    clock.advance(5.0)  # so long nobody ends
    for second in range(16):
        assert [each.over(clock()) for each in lifespans].count(LEAVING) == second + 1
        clock.advance(1.0)


def test_what_comes_first_ends_a_stream(clock: Clock) -> None:
    assert Lifespan("80", lambda _: 1050.0, 100.0, clock).end() == (1050.0, LEAVING)
    assert Lifespan("80", lambda _: 1150.0, 100.0, clock).end() == (1100.0, AGED)


def test_names_by_chance_spread_evenly(clock: Clock) -> None:
    ends = [Lifespan(secrets.token_hex(8), never, 100.0, clock).end()[0] for _ in range(2000)]
    assert min(ends) >= 1090.0
    assert max(ends) <= 1110.0
    assert all(
        120 < sum(low <= at - 1090.0 < low + 2 for at in ends) < 280 for low in range(0, 20, 2)
    )
