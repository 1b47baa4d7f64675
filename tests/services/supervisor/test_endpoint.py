"""Where the API will be reached."""

from __future__ import annotations

import socket

import pytest

from services.supervisor.endpoint import claim_port, is_ready, url_of
from shared.settings import load_settings


def test_a_port_in_use_is_refused_with_advice() -> None:
    advice = r"choose another port: make run PORT="
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match=advice):
        claim_port(*taken.getsockname())


def test_port_0_is_a_free_one() -> None:
    port = claim_port("127.0.0.1", 0)
    with socket.create_server(("127.0.0.1", port)) as mine:
        assert mine.getsockname()[1] == port


def test_the_address_is_one_that_this_machine_can_open() -> None:
    api = load_settings(environ={"RINGCAST_API__HOST": "::"}).api
    assert url_of(api, 8001) == "http://[::1]:8001/"


def test_nobody_there_is_not_ready() -> None:
    api = load_settings(environ={}).api
    assert not is_ready(api, claim_port("127.0.0.1", 0))
