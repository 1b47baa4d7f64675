from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api.client import Client
from services.api.variant import StreamOptions, Variant

if TYPE_CHECKING:
    from tests.conftest import Clock


def test_rates_are_those_of_the_last_two_seconds(clock: Clock) -> None:
    options = StreamOptions(Variant(85), 30.0, key="hall", zero_data=True)
    client = Client("1-1", "192.0.2.7", "raw", options, clock)
    assert (client.fps, client.bitrate_bps, client.variant) == (0.0, 0, "")
    for _ in range(20):
        clock.now_s += 0.1
        client.note_sent(1000, clock.now_s)
    assert client.fps == pytest.approx(10.0, abs=0.6)
    assert client.bitrate_bps == pytest.approx(80_000, rel=0.06)
    clock.now_s += 3.0
    assert (client.fps, client.bitrate_bps) == (0.0, 0)
    assert (client.sent, client.sent_bytes, client.dropped) == (20, 20_000, 0)
    assert (client.key, client.zero_data, client.extra_headers) == ("hall", True, False)
