"""The whole path, from the test pattern to strict clients: real processes, real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pytest

from shared.frame_code import read_codes
from tests.support.mjpeg_client import MjpegClient

if TYPE_CHECKING:
    from tests.support.multipart import Part
    from tests.support.processes import Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

STREAM: Final = "/stream/video/shm"


def decoded(part: Part) -> np.ndarray:
    """Decode the picture of a part."""
    image = cv2.imdecode(np.frombuffer(part.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


def assert_telling(part: Part) -> None:
    """Check that the picture is the frame the headers speak of, top and bottom."""
    top, bottom = read_codes(decoded(part))
    assert top is not None
    assert top == bottom, "top and bottom belong to different frames"
    assert top.sequence == part.number
    assert abs(top.captured_wall_us / 1e6 - part.timestamp) < 0.5


def assert_never_back(parts: list[Part]) -> None:
    """Check that numbers do not go back within an epoch, nor epochs at all."""
    for before, after in zip(parts, parts[1:], strict=False):
        assert after.epoch >= before.epoch
        if after.epoch == before.epoch:
            assert after.number >= before.number


def test_every_picture_is_the_frame_its_headers_speak_of(service: Services) -> None:
    api = service.both()
    with MjpegClient(api.url + STREAM) as client:
        assert client.status_line.startswith("HTTP/1.0 200")
        assert client.headers["connection"] == "close"
        assert "no-store" in client.headers["cache-control"]
        assert client.headers["x-accel-buffering"] == "no"
        parts = list(client.parts(60))
    assert all(part.online for part in parts)
    for part in parts:
        assert_telling(part)
    assert_never_back(parts)
    assert parts[-1].number - parts[0].number >= 48, "60 parts of 30 fps are mostly new frames"
