"""A camera's JPEGs on their whole way, source to client: byte for byte, and nothing is encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from shared.jpeg import STANDARD_TABLES
from tests.support.mjpeg_client import MjpegClient, get
from tests.support.mjpeg_server import MjpegServer
from tests.support.pictures import number_in, telling_jpeg, without_tables, write_mjpeg
from tests.support.streams import STREAM, decoded, picture, status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

COUNT: Final = 30
JPEGS: Final = [telling_jpeg(number) for number in range(COUNT)]
BARE: Final = [without_tables(jpeg) for jpeg in JPEGS]


@pytest.fixture(params=["avi", "http", "bare"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A file, another server, and one whose JPEGs lack the Huffman tables."""
    if request.param == "avi":
        path = tmp_path / "clip.avi"
        write_mjpeg(path, JPEGS, fps=30)
        yield str(path)
    else:
        jpegs = BARE if request.param == "bare" else JPEGS
        with MjpegServer(lambda number: jpegs[number % COUNT]) as server:
            yield server.url


def sent_by_the_source(jpeg: bytes) -> int:
    """Which of the source's pictures this is, byte for byte but for added tables."""
    if jpeg in JPEGS:
        return JPEGS.index(jpeg)
    return BARE.index(jpeg.replace(STANDARD_TABLES, b"", 1))


def assert_sources_own(api: Api, parts: int = 40) -> None:
    with MjpegClient(api.url + STREAM) as client:
        numbers = [sent_by_the_source(part.jpeg) for part in client.parts(parts)]
    assert len(set(numbers)) >= 20
    _, _, snapshot = get(api.url + STREAM + "/frame")
    assert number_in(picture(snapshot)) == sent_by_the_source(snapshot)


def test_client_gets_the_bytes_of_the_source_and_nothing_is_encoded(
    source: str, service: Services
) -> None:
    video = service.video(source)
    api = service.api(api__workers=1).wait_ready()

    assert_sources_own(api)

    document = status(api)
    assert document["encoded"] == 0
    assert document["pixel_format"] == "JPEG"
    assert "MJPG passed through" in video.said()


def test_client_that_asks_for_another_size_or_quality_gets_it(
    source: str, service: Services
) -> None:
    service.video(source)
    api = service.api(api__workers=1).wait_ready()

    for query, size in (("?width=160", (120, 160)), ("?quality=40", (240, 320))):
        with MjpegClient(api.url + STREAM + query) as client:
            part = client.next_part()
        assert part.jpeg not in JPEGS
        assert decoded(part).shape[:2] == size


def test_without_passthrough_the_ring_holds_pixels_as_ever(source: str, service: Services) -> None:
    video = service.video(source, video__passthrough=False)
    api = service.api(api__workers=1).wait_ready()

    with MjpegClient(api.url + STREAM) as client:
        assert number_in(decoded(client.next_part())) is not None

    document = status(api)
    assert document["encoded"] > 0
    assert document["pixel_format"] == "BGR24"
    assert "passed through" not in video.said()


@pytest.mark.slow
def test_relay_of_a_relay_still_gives_the_bytes_of_the_first_source(
    source: str, service: Services, segment_name: str
) -> None:
    """Ringcast reads Ringcast: no picture gets worse on the way."""
    service.video(source)
    first = service.api(api__workers=1).wait_ready()
    name = f"{segment_name}-relay"
    service.video(first.url + STREAM, video__shared_memory_name=name)
    second = service.api(api__workers=1, video__shared_memory_name=name).wait_ready()

    assert_sources_own(second)
    assert status(first)["encoded"] == status(second)["encoded"] == 0
