"""What a list of clients says of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api.client import Client
from services.api.variant import parse_options
from shared.settings_stream import StreamSettings

if TYPE_CHECKING:
    from tests.conftest import Clock


def client(clock: Clock, **query: str) -> Client:
    options = parse_options(query, StreamSettings())
    return Client("1f", "192.0.2.7", "mjpeg", options, clock)


def test_rates_are_those_of_the_last_two_seconds(clock: Clock) -> None:
    someone = client(clock)
    assert (someone.fps, someone.bitrate_bps) == (0.0, 0)
    for _ in range(40):
        clock.advance(0.1)
        someone.note_sent(1000, clock())
    assert 9.5 <= someone.fps <= 10.5
    assert someone.bitrate_bps == pytest.approx(someone.fps * 8000, abs=1)
    assert (someone.sent, someone.sent_bytes) == (40, 40_000)
    clock.advance(3)
    assert (someone.fps, someone.bitrate_bps) == (0.0, 0)
    assert someone.sent == 40


def test_it_says_what_it_asked_for(clock: Clock) -> None:
    someone = client(clock, key="kitchen", zero_data="1", fps="5")
    assert (someone.key, someone.zero_data, someone.extra_headers) == ("kitchen", True, False)
    assert someone.options.fps == 5
