"""As many streams as one worker takes."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from services.api.lifecycle import allow_descriptors
from tests.support.mjpeg_client import MjpegClient
from tests.support.processes import wait_until
from tests.support.streams import status

if TYPE_CHECKING:
    from tests.support.processes import Services

STREAM = "/stream/video"
MAX_STREAMS = 1000
"""The default of ``api.limits.max_streams``."""


@pytest.mark.slow
@pytest.mark.faults
def test_health_and_status_are_answered_beside_as_many_streams_as_are_allowed(
    service: Services,
) -> None:
    allow_descriptors(MAX_STREAMS)
    service.video("pattern://320x240@10")
    api = service.api(api__workers=1).wait_ready()
    address = urlsplit(api.url)

    with contextlib.ExitStack() as clients:
        for number in range(MAX_STREAMS):
            client = socket.create_connection((address.hostname, address.port), 10.0)
            clients.enter_context(client)
            client.sendall(f"GET {STREAM}?n={number} HTTP/1.0\r\n\r\n".encode())
        wait_until(lambda: status(api)["clients"] == MAX_STREAMS, "all streams to run")
        sent = status(api)["sent"]
        assert api.answers("/healthz") == 200
        with MjpegClient(api.url + STREAM) as one_too_many:
            assert one_too_many.status == 503
        wait_until(lambda: status(api)["sent"] >= sent + MAX_STREAMS, "the streams to go on")
    wait_until(lambda: status(api)["clients"] == 0, "the worker to see that all have left")
    assert "ERROR" not in api.said()


def test_two_workers_take_equal_shares_of_the_clients(service: Services) -> None:
    service.video("pattern://320x240@10")
    api = service.api(api__workers=2).wait_ready()
    wait_until(lambda: api.said().count("attached to its ring") == 2, "both workers to be ready")

    def shares() -> list[int]:
        return sorted(
            sum(1 for one in worker.net_connections("tcp") if one.status == "ESTABLISHED")
            for worker in api.workers()
        )

    with contextlib.ExitStack() as clients:
        for _ in range(60):
            clients.enter_context(MjpegClient(api.url + STREAM))  # one after the other
        assert sum(shares()) == 60
        assert shares()[0] >= 25
