"""Who watches now."""

from __future__ import annotations

from services.api.audience import Audience
from services.api.client import Client
from services.api.variant import parse_options
from shared.settings_stream import StreamSettings


def test_clients_stand_in_the_order_they_came_until_they_leave() -> None:
    audience, options = Audience(), parse_options({}, StreamSettings())
    some = [Client(str(number), "192.0.2.7", "mjpeg", options) for number in range(3)]
    for client in some:
        audience.enter(client)
    audience.leave(some[1])
    audience.leave(some[1])
    assert audience.clients() == [some[0], some[2]]
