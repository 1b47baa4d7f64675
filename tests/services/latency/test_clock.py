from __future__ import annotations

import http.client
from email.utils import formatdate

import pytest

from services.latency.clock import ask_offset, frame_path, offset_of
from services.latency.http_stream import Address
from shared.clock_offset import Offset


def headers(**fields: str) -> http.client.HTTPMessage:
    message = http.client.HTTPMessage()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return message


def test_one_clock_is_within_the_bounds() -> None:
    found = offset_of(headers(X_Timestamp="1000.000000", X_Age_Ms="5"), 1000.0, 1000.02)
    assert found is not None
    assert found.least_ms == pytest.approx(-5.5)
    assert found.most_ms == pytest.approx(15.5)
    assert not found.differs


@pytest.mark.parametrize("ahead_s", [-3.0, 3.0])
def test_another_clock_is_without(ahead_s: float) -> None:
    stamp = f"{1000.0 + ahead_s:.6f}"
    found = offset_of(headers(X_Timestamp=stamp, X_Age_Ms="0"), 1000.0, 1000.02)
    assert found is not None
    assert found.differs
    assert found.most_ms - found.least_ms == pytest.approx(21.0)


def test_the_date_tells_it_to_the_second() -> None:
    found = offset_of(headers(Date=formatdate(1000, usegmt=True)), 1000.4, 1000.5)
    assert found is not None
    assert (found.least_ms, found.most_ms) == pytest.approx((-600.0, 500.0))


@pytest.mark.parametrize(
    "fields", [{}, {"Date": "yesterday"}, {"X_Timestamp": "x", "X_Age_Ms": "1"}]
)
def test_an_answer_need_not_say_the_time(fields: dict[str, str]) -> None:
    assert offset_of(headers(**fields), 1000.0, 1000.1) is None


def test_more_answers_narrow_it_unless_they_contradict_each_other() -> None:
    first = Offset(-10.0, 10.0)
    assert first.narrowed(Offset(-5.0, 20.0)) == Offset(-5.0, 10.0)
    assert first.narrowed(Offset(50.0, 60.0)) == first


def test_the_frame_beside_a_stream_is_known_for_our_addresses_only() -> None:
    assert frame_path("/stream/video") == "/stream/video/frame"
    assert frame_path("/stream/door/raw") == "/stream/door/frame"
    assert frame_path("/stream/video/shm/raw") == "/stream/video/shm/frame"
    assert frame_path("/mjpg/video.mjpg") == ""


def test_nobody_to_ask_is_no_offset() -> None:
    assert ask_offset(Address("http://127.0.0.1:1/stream/video"), 1.0) is None
    assert ask_offset(Address("http://127.0.0.1:1/elsewhere"), 1.0) is None
