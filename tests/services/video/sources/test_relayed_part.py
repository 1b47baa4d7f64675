"""What a part says, and how two of them stand to each other."""

from __future__ import annotations

import pytest

from services.video.sources.relayed_part import RelayedPart
from shared.multipart import Part
from tests.support.pictures import claiming, telling_jpeg

JPEG = telling_jpeg(1, 64, 64)
HEADERS = {
    "x-frame-number": "17",
    "x-epoch": "7",
    "x-timestamp": "1700000000.000123",
    "x-online": "1",
}


def read(jpeg: bytes = JPEG, max_pixels: int = 10_000, **changed: str) -> RelayedPart:
    headers = HEADERS | {name.replace("_", "-"): value for name, value in changed.items()}
    return RelayedPart.read(Part(headers, jpeg), max_pixels)


def test_it_is_what_it_says() -> None:
    part = read(x_hops="a,b")
    assert (part.epoch, part.number, part.wall_us) == (7, 17, 1_700_000_000_000_123)
    assert (part.width, part.height, part.online, part.hops) == (64, 64, True, "a,b")
    assert part.problem == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"x_frame_number": "0"},
        {"x_frame_number": "-1"},
        {"x_epoch": "٣"},
        {"x_epoch": str(2**64)},
        {"x_timestamp": "1e9"},
        {"x_timestamp": "-1.000000"},
        {"x_online": ""},
    ],
)
def test_impossible_headers_are_refused(changed: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"x-|X-"):
        read(JPEG, 10_000, **changed)


@pytest.mark.parametrize(
    ("jpeg", "problem"),
    [
        (claiming(JPEG, 1000, 1000), "claims 1000x1000 pixels, more than video.max_pixels"),
        (b"\xff\xd8\xff\xd9", "damaged JPEG"),
    ],
)
def test_picture_that_cannot_be_used_keeps_its_number(jpeg: bytes, problem: str) -> None:
    part = read(jpeg)
    assert problem in part.problem
    assert (part.number, part.width, part.height) == (17, 1, 1)


def test_order_is_known_within_an_epoch_only() -> None:
    part = read()
    assert read(x_frame_number="16").is_before(part)
    assert not part.is_before(part)
    assert not read(x_frame_number="16", x_epoch="8").is_before(part)
    assert part.is_again(read())
    assert not part.is_again(read(x_online="0"))
    assert read(x_frame_number="20").missing_since(part) == 2
    assert read(x_frame_number="20", x_epoch="8").missing_since(part) == 0
