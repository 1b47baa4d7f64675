from __future__ import annotations

import pytest

from services.latency.picture import RAW, image_of
from shared.frame_code import read_codes
from tests.support.pictures import number_in, telling_jpeg, telling_picture

JPEG = {"content-type": "image/jpeg"}


@pytest.mark.parametrize("size", [(320, 240), (1920, 1080)])
def test_the_code_is_legible_in_a_jpeg_of_any_size(size: tuple[int, int]) -> None:
    image = image_of(JPEG, telling_jpeg(42, *size))
    assert image is not None
    assert number_in(image) == 42


def test_rows_are_taken_as_their_headers_say() -> None:
    picture = telling_picture(7, 320, 240)
    image = image_of({"content-type": RAW, "x-shape": "240,320,3"}, picture.tobytes())
    assert image is not None
    top, bottom = read_codes(image)
    assert top is not None
    assert top == bottom


@pytest.mark.parametrize("shape", ["240,320", "", "x,y", "-1"])
def test_rows_that_are_not_as_their_headers_say_are_no_picture(shape: str) -> None:
    body = telling_picture(7, 320, 240).tobytes()
    assert image_of({"content-type": RAW, "x-shape": shape}, body) is None


@pytest.mark.parametrize("body", [b"", b"\xff\xd8nothing\xff\xd9"])
def test_what_cannot_be_decoded_is_no_picture(body: bytes) -> None:
    assert image_of(JPEG, body) is None
