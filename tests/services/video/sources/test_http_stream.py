"""Whether a server is another node shows in its answer; any other is a camera, as before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.video.sources.http_stream import HttpStreamSource
from services.video.sources.network import NetworkSource
from shared.errors import SourceUnavailable
from shared.settings_schema import VideoSettings
from tests.support.fake_node import FakeNode, part
from tests.support.pictures import telling_jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator

JPEG = telling_jpeg(1, 64, 64)


class Camera(NetworkSource):
    """Notes that it was opened."""

    opened = 0

    def open(self) -> None:
        self.opened += 1


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode() as server:
        yield server


def source_of(url: str) -> tuple[HttpStreamSource, Camera]:
    camera = Camera(url)
    return HttpStreamSource(url, "hall/cam", VideoSettings(source=url), camera), camera


def test_server_that_names_its_hops_is_relayed(node: FakeNode) -> None:
    source, camera = source_of(node.url)
    source.open()
    node.send(part(JPEG, 3))
    assert source.grab().relayed is not None
    assert camera.opened == 0
    assert source.label == node.url
    source.close()


def test_server_that_does_not_is_a_camera(node: FakeNode) -> None:
    node.hops = ""
    source, camera = source_of(node.url)
    source.open()
    assert camera.opened == 1
    assert source.longest_grab_s == camera.longest_grab_s
    source.close()


def test_where_nobody_answers_a_node_may_soon() -> None:
    with FakeNode() as other:
        url = other.url
    source, camera = source_of(url)
    with pytest.raises(SourceUnavailable, match="refuses connections") as lost:
        source.open()
    assert camera.opened == 0
    assert lost.value.retry_s is not None
    assert lost.value.retry_s <= 0.5


def test_what_was_a_camera_is_one_while_it_is_gone() -> None:
    with FakeNode(hops="") as server:
        source, camera = source_of(server.url)
        source.open()
    source.open()
    assert camera.opened == 2


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (401, "wants credentials, or other ones: give a token of its scope view"),
        (403, "does not let these credentials view streams"),
        (404, r"answers 404 Not Found: no such camera"),
        (503, r"answers 503 Service Unavailable: no such camera"),
    ],
)
def test_refusal_of_a_node_says_what_to_do(node: FakeNode, status: int, why: str) -> None:
    node.status, node.detail = status, "no such camera"
    source, camera = source_of(node.url.replace("://", "://joe:hunter2@"))
    with pytest.raises(SourceUnavailable, match=why) as refused:
        source.open()
    assert refused.value.retry_s is not None
    assert (refused.value.retry_s >= 7.5) == (status in {401, 403}), "or it looks like guessing"
    assert "hunter2" not in str(refused.value)
    assert camera.opened == 0


@pytest.mark.parametrize("garbage", [b"[" * 4000, b"{", b"\xff\xfe", b"null"])
def test_refusal_that_is_no_json_is_one_all_the_same(node: FakeNode, garbage: bytes) -> None:
    node.status, node.garbage = 404, garbage
    source, _ = source_of(node.url)
    with pytest.raises(SourceUnavailable, match=r"answers 404 Not Found$"):
        source.open()


def test_clock_that_is_no_json_keeps_nobody_from_relaying(node: FakeNode) -> None:
    node.garbage = b"[" * 4000
    source, camera = source_of(node.url)
    source.open()
    source.close()
    assert camera.opened == 0
