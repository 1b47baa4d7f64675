from __future__ import annotations

import gc

from services.api.seat import Seat, TooManyStreams


def test_seat_is_given_back_once_and_when_nobody_has_it() -> None:
    given_back: list[str] = []
    seat = Seat(lambda: given_back.append("left"))
    seat.leave()
    seat.leave()
    assert given_back == ["left"]
    other: list[Seat] = [Seat(lambda: given_back.append("dropped"))]
    other.clear()
    gc.collect()
    assert given_back == ["left", "dropped"]


def test_refusal_says_how_many_there_are_and_what_to_do() -> None:
    error = TooManyStreams("192.0.2.7 has", 4, "api.limits.max_streams_per_address")
    assert str(error) == (
        "192.0.2.7 has 4 streams open already, as many as api.limits.max_streams_per_address "
        "allows. Close one, or try again later."
    )
