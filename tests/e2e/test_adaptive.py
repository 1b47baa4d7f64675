"""Clients of quality=auto behind narrow lines, beside one that is not."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.support.mjpeg_client import MjpegClient
from tests.support.shaped import ShapedReader
from tests.support.streams import STREAM, assert_never_back, decoded, status

if TYPE_CHECKING:
    from shared.multipart import Part
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

AUTO = f"{STREAM}?quality=auto"


def watch(url: str, enough: threading.Event) -> list[Part]:
    """Read a stream as fast as it comes."""
    parts = []
    with MjpegClient(url) as client:
        while not enough.is_set():
            parts.append(client.next_part())
    return parts


def bytes_per_s(url: str) -> float:
    """What a stream of 30 frames per second needs."""
    with MjpegClient(url) as client:
        parts = list(client.parts(20))
    return sum(len(part.jpeg) for part in parts) / len(parts) * 30


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_client_with_a_third_of_the_room_gets_its_frames_on_a_lower_step_and_comes_back(
    service: Services,
) -> None:
    api = service.both("pattern://640x480@30", api__workers=1)
    needed = bytes_per_s(api.url + STREAM)
    enough = threading.Event()
    with (
        ThreadPoolExecutor(1) as pool,
        ShapedReader(api.url + AUTO, needed / 3) as narrow,
    ):
        wide = pool.submit(watch, api.url + AUTO, enough)
        try:
            narrow.read(12)
            assert narrow.rate(5) >= 20
            assert int(narrow.parts[-1].headers["x-quality"]) < 85
            on_steps = status(api)["auto"]
            assert on_steps.pop("q85p") == 1
            assert list(on_steps.values()) == [1]
            narrow.bytes_per_s = 20 * needed
            assert narrow.read(100, until=lambda part: part.headers["x-quality"] == "85")
            assert status(api)["auto"] == {"q85p": 2}
        finally:
            enough.set()
        assert {part.headers["x-quality"] for part in wide.result(30)} == {"85"}
    assert_never_back(narrow.parts)
    numbers = [part.number for part in narrow.parts]
    assert len(set(numbers)) >= 0.95 * len(numbers), "frames, not repeats"


def test_parts_say_what_they_are(running: Api) -> None:
    with MjpegClient(f"{running.url}{STREAM}?quality=40&width=160") as client:
        part = client.next_part()
    assert (part.headers["x-quality"], part.headers["x-size"]) == ("40", "160x120")
    assert decoded(part).shape == (120, 160, 3)


def test_auto_says_its_steps_before_the_first_part(running: Api) -> None:
    with MjpegClient(running.url + AUTO + "&width=200&advance_headers=1") as client:
        steps = client.headers["x-quality-steps"].split(", ")
        client.next_part()
        assert sum(status(running)["auto"].values()) == 1
    assert steps[0] == "85 within 200 x -"
    assert len(steps) > 1
    with MjpegClient(running.url + STREAM) as client:
        assert "x-quality-steps" not in client.headers
