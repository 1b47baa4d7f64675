"""What time it is at the origin is told where it is known."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from shared.frame import FrameInfo
    from shared.ring.writer import RingWriter


@pytest.mark.parametrize("path", ["/stream/video/clock", "/stream/video/shm/clock"])
def test_origin_tells_its_own_time(
    http: FlaskClient, write: Callable[..., FrameInfo], path: str
) -> None:
    write(online=False, reason="no cable")
    http.get("/stream/video/shm/frame")
    answer = http.get(path)
    assert answer.json is not None
    assert abs(answer.json["now_us"] - time.time_ns() // 1000) < 1_000_000
    assert (answer.json["doubt_us"], answer.json["reason"]) == (0, "no cable")
    assert answer.headers["Cache-Control"] == "no-store"


def test_relay_tells_its_origins_and_its_doubt(
    http: FlaskClient, writer: RingWriter, write: Callable[..., FrameInfo]
) -> None:
    writer.route(("gate", "hall"))
    write()
    http.get("/stream/video/shm/frame")
    unknown = http.get("/stream/video/clock")
    assert unknown.status_code == 503
    assert unknown.headers["Retry-After"] == "1"

    ahead_us = (time.time_ns() - time.monotonic_ns()) // 1000 + 3_600_000_000
    writer.tell_clock(ahead_us, 1234)
    told = http.get("/stream/video/clock").json
    assert told is not None
    assert told["now_us"] - time.time_ns() // 1000 == pytest.approx(3_600_000_000, abs=1_000_000)
    assert (told["doubt_us"], told["hops"]) == (1234, ["gate", "hall"])


def test_unknown_camera_has_none(http: FlaskClient) -> None:
    assert http.get("/stream/none/clock").status_code == 404
