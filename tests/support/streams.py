"""What the tests of streams ask of pictures, parts and the API."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from shared.frame_code import read_codes
from tests.support.mjpeg_client import get

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.multipart import Part
    from tests.support.processes import Api

__all__ = [
    "STREAM",
    "assert_never_back",
    "assert_telling",
    "assert_whole",
    "decoded",
    "picture",
    "status",
]

STREAM: Final = "/stream/video/shm"


def picture(jpeg: bytes) -> NDArray[np.uint8]:
    """Decode a JPEG."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(np.uint8, copy=False)


def decoded(part: Part) -> NDArray[np.uint8]:
    """Decode the picture of a part."""
    return picture(part.jpeg)


def assert_telling(part: Part) -> None:
    """Check that the picture is the frame the headers speak of, top and bottom."""
    top, bottom = read_codes(decoded(part))
    assert top is not None
    assert top == bottom, "top and bottom belong to different frames"
    assert top.sequence == part.number
    assert abs(top.captured_wall_us / 1e6 - part.timestamp) < 0.5


def assert_whole(part: Part) -> None:
    """Check that the picture has the size the headers tell, and its halves belong together.

    For pictures of ``tests/support/pictures.py``, whose codes hold numbers of their own and no
    time; one that holds a time has to be telling.
    """
    image = decoded(part)
    assert f"{image.shape[1]}x{image.shape[0]}" == part.headers["x-size"]
    top, bottom = read_codes(image)
    assert top is not None
    assert top == bottom, "top and bottom belong to different frames"
    if top.captured_wall_us:
        assert_telling(part)


def assert_never_back(parts: list[Part]) -> None:
    """Check that numbers do not go back within an epoch, nor epochs at all."""
    for before, after in itertools.pairwise(parts):
        assert after.epoch >= before.epoch
        if after.epoch == before.epoch:
            assert after.number >= before.number


def status(api: Api, path: str = f"{STREAM}/status") -> dict[str, Any]:
    """The status document."""
    code, _, body = get(api.url + path)
    assert code == 200
    document: dict[str, Any] = json.loads(body)
    return document
