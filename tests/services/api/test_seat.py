from __future__ import annotations

import gc

import pytest

from services.api.seat import Seat, TooManyStreams, origin


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


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_client_is_an_address_or_a_network_of_ipv6(address: str, who: str) -> None:
    assert origin(address) == who
