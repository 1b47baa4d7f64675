from __future__ import annotations

from typing import TYPE_CHECKING

from services.api.access.attempts import LIMIT, WINDOW_S, Attempts

if TYPE_CHECKING:
    import pytest

    from tests.conftest import Clock


def test_after_ten_wrong_ones_in_a_minute_one_has_to_wait_for_the_rest_of_it(clock: Clock) -> None:
    attempts = Attempts(clock)
    assert [attempts.failed("192.0.2.7", "wrong") for _ in range(LIMIT)] == [None] * LIMIT
    clock.advance(20.5)
    assert attempts.failed("192.0.2.7", "wrong") == 40
    assert attempts.failed("192.0.2.8", "wrong") is None, "another address"
    clock.advance(WINDOW_S - 20.5)
    assert attempts.failed("192.0.2.7", "wrong") is None


def test_each_of_the_first_ten_has_its_line_and_further_ones_only_one(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    attempts = Attempts(clock)
    for _ in range(1000):
        attempts.failed("192.0.2.7", "wrong bearer token")
    lines = [record.getMessage() for record in caplog.records]
    assert lines[:LIMIT] == ["access refused to 192.0.2.7: wrong bearer token"] * LIMIT
    assert len(lines) == LIMIT + 1
    assert "more than 10 wrong attempts" in lines[-1]


def test_addresses_of_one_ipv6_network_count_together(clock: Clock) -> None:
    attempts = Attempts(clock)
    for number in range(LIMIT):
        attempts.failed(f"2001:db8:1:2::{number:x}", "wrong")
    assert attempts.failed("2001:db8:1:2:ffff::1", "wrong") is not None
    assert attempts.failed("2001:db8:1:3::1", "wrong") is None


def test_memory_is_bounded_however_many_addresses_try(clock: Clock) -> None:
    attempts = Attempts(clock, capacity=100)
    for number in range(10_000):
        attempts.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "wrong")
    attempts.failed("no address at all", "wrong")
    assert len(attempts) == 100
