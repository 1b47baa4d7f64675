"""A stream of another node becomes frames with the numbers, times and hops they have there."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from services.video.sources.http_stream import HttpStreamSource
from services.video.sources.network import NetworkSource
from services.video.sources.source import PictureUnreadable, Relayed
from shared.errors import SourceUnavailable
from shared.frame import Geometry, PixelFormat
from shared.settings_schema import VideoSettings
from tests.support.fake_node import CLOSING, FakeNode, part
from tests.support.pictures import claiming, number_in, telling_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.video.sources.source import Grab
    from shared.ring.writer import RingWriter

JPEG = telling_jpeg(1, 64, 64)
OTHER = telling_jpeg(2, 64, 64)


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode() as server:
        yield server


Relay = HttpStreamSource


@pytest.fixture
def relay_of() -> Iterator[Callable[..., Relay]]:
    """Makes relays of a URL, and closes them."""
    made: list[Relay] = []

    def make(url: str, **settings: Any) -> Relay:  # noqa: ANN401 - settings by name
        relay = {"silence_timeout_sec": 1.0, **settings.pop("relay", {})}
        video = VideoSettings(source=url, relay=relay, **settings)
        source = HttpStreamSource(url, "hall/cam", video, NetworkSource(url))
        made.append(source)
        return source

    yield make
    for source in made:
        source.close()


def relayed(grab: Grab) -> Relayed:
    assert grab.relayed is not None
    return grab.relayed


def retrieved(source: Relay, grab: Grab, writer: RingWriter) -> bytes:
    slot = writer.begin(grab.geometry, grab.size_bytes)
    source.retrieve(slot)
    return slot.payload[: grab.size_bytes].tobytes()


def test_bytes_numbers_and_times_are_the_origins(
    node: FakeNode, relay_of: Callable[..., Relay], writer: RingWriter
) -> None:
    source = relay_of(node.url)
    source.open()
    node.send(part(JPEG, 17, epoch=2**63 + 5, stamp="1700000000.123456"))

    grab = source.grab()

    assert (grab.geometry, grab.size_bytes) == (Geometry(64, 64, PixelFormat.JPEG), len(JPEG))
    said = relayed(grab)
    assert said.origin == (2**63 + 5, 17)
    assert said.wall_us == 1_700_000_000_123_456
    assert said.hops == ("gate/cam", "hall/cam")
    assert (said.online, said.reason, said.repeated, said.reconnects) == (True, "", False, 0)
    assert retrieved(source, grab, writer) == JPEG
    assert source.details == "relayed: gate/cam → hall/cam"


def test_query_is_kept_but_for_what_a_relay_cannot_use(
    node: FakeNode, relay_of: Callable[..., Relay]
) -> None:
    source = relay_of(node.url + "?quality=40&width=320&advance_headers=1&zero_data=1&fps=5")
    source.open()
    path, headers = node.requests[0]
    assert path == "/stream/cam?quality=40&width=320&fps=5"
    assert headers["X-Hops"] == "hall/cam"
    assert "Authorization" not in headers


def test_gaps_are_dropped_frames_unless_fewer_were_asked_for(
    node: FakeNode, relay_of: Callable[..., Relay]
) -> None:
    for query, dropped in (("", 4), ("?fps=1", 0)):
        source = relay_of(node.url + query)
        source.open()
        node.send(part(JPEG, 10))
        assert source.grab().dropped == 0
        node.send(part(JPEG, 15))
        assert source.grab().dropped == dropped
        node.send(part(JPEG, 40, epoch=8))
        assert source.grab().dropped == 0, "of another epoch nobody knows"
        source.close()


def test_repeated_part_is_no_news(node: FakeNode, relay_of: Callable[..., Relay]) -> None:
    source = relay_of(node.url)
    source.open()
    repeated = []
    for _ in range(2):
        node.send(part(JPEG, 10))
        repeated.append(relayed(source.grab()).repeated)
    node.send(part(JPEG, 10, online=False))
    repeated.append(relayed(source.grab()).repeated)
    assert repeated == [False, True, False]


def test_blank_of_the_origin_stays_one_with_its_reason(
    node: FakeNode, relay_of: Callable[..., Relay]
) -> None:
    node.reason = "no camera at /dev/video0"
    source = relay_of(node.url)
    source.open()
    node.send(part(JPEG, 10, online=False))
    said = relayed(source.grab())
    assert (said.online, said.reason) == (False, "no camera at /dev/video0")


def test_of_several_parts_that_wait_the_newest_is_taken(
    node: FakeNode, relay_of: Callable[..., Relay]
) -> None:
    source = relay_of(node.url)
    source.open()
    node.send(b"".join(part(JPEG, number) for number in range(1, 6)))
    grab = source.grab()
    assert relayed(grab).origin == (7, 5)
    node.send(part(OTHER, 6))
    assert source.grab().dropped == 0


def test_numbers_that_go_back_are_refused(node: FakeNode, relay_of: Callable[..., Relay]) -> None:
    source = relay_of(node.url)
    source.open()
    node.send(part(JPEG, 10))
    source.grab()
    node.send(part(JPEG, 9))
    with pytest.raises(SourceUnavailable, match=r"sends frame 9 after 10") as lost:
        source.grab()
    assert lost.value.retry_s is not None


def test_after_a_reconnect_older_frames_are_no_news_until_it_has_caught_up(
    node: FakeNode, relay_of: Callable[..., Relay]
) -> None:
    source = relay_of(node.url)
    source.open()
    node.send(part(JPEG, 10))
    source.grab()
    source.close()
    source.open()
    grabs = []
    for number in (8, 9, 10, 12):
        node.send(part(JPEG, number))
        grabs.append(source.grab())
    assert [relayed(grab).repeated for grab in grabs] == [True, True, True, False]
    assert (grabs[-1].dropped, relayed(grabs[-1]).reconnects) == (1, 1)


def test_silence_is_a_loss(node: FakeNode, relay_of: Callable[..., Relay]) -> None:
    source = relay_of(node.url, relay={"silence_timeout_sec": 0.2})
    source.open()
    with pytest.raises(SourceUnavailable, match=r"was silent for 0\.2 s"):
        source.grab()


def test_byte_now_and_then_is_no_stream(node: FakeNode, relay_of: Callable[..., Relay]) -> None:
    source = relay_of(node.url, relay={"silence_timeout_sec": 0.3}, read_timeout_sec=0.3)
    source.open()
    over = threading.Event()

    def drip() -> None:
        for byte in part(JPEG, 1):
            node.send(bytes([byte]))
            if over.wait(0.02):
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    with pytest.raises(SourceUnavailable, match=r"a picture took longer than 0\.3 s"):
        source.grab()
    over.set()
    dripping.join()
    assert source.longest_grab_s == pytest.approx(0.6)


def test_clean_end_is_followed_by_a_try_at_once(
    node: FakeNode, relay_of: Callable[..., Relay], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.video.sources.relay._SETTLED_S", 0.0)
    source = relay_of(node.url)
    source.open()
    node.send(part(JPEG, 1)[: -len(b"--frame\r\n")] + CLOSING)
    source.grab()
    with pytest.raises(SourceUnavailable, match="ended the stream after") as ended:
        source.grab()
    assert ended.value.retry_s == 0.0


def test_stream_that_ends_at_once_again_and_again_is_paused_for(
    node: FakeNode, relay_of: Callable[..., Relay]
) -> None:
    source = relay_of(node.url)
    pauses = []
    for _ in range(5):
        source.open()
        node.cut(CLOSING)
        with pytest.raises(SourceUnavailable) as ended:
            source.grab()
        pauses.append(ended.value.retry_s or 0.0)
    assert 0.0 < pauses[0] <= 0.1
    assert 0.25 <= pauses[-1] <= 0.5


def test_broken_connection_is_a_loss(node: FakeNode, relay_of: Callable[..., Relay]) -> None:
    source = relay_of(node.url)
    source.open()
    node.send(part(JPEG, 1)[:200])
    node.cut()
    with pytest.raises(SourceUnavailable, match="broke the stream off"):
        source.grab()


@pytest.mark.parametrize("hops", ["hall/cam", "gate/cam,hall/cam,roof/cam"])
def test_loop_is_refused_with_a_sentence_that_shows_it(
    node: FakeNode, relay_of: Callable[..., Relay], hops: str
) -> None:
    node.hops = hops
    source = relay_of(node.url)
    with pytest.raises(SourceUnavailable, match="this would be a loop") as refused:
        source.open()
    assert " → ".join((*hops.split(","), "hall/cam")) in str(refused.value)
    assert refused.value.retry_s is not None
    assert refused.value.retry_s >= 15.0


def test_loop_that_closes_later_is_seen_in_a_part(
    node: FakeNode, relay_of: Callable[..., Relay]
) -> None:
    source = relay_of(node.url)
    source.open()
    node.send(part(JPEG, 1, hops="roof/cam,gate/cam"))
    assert relayed(source.grab()).hops == ("roof/cam", "gate/cam", "hall/cam")
    node.send(part(JPEG, 2, hops="hall/cam,gate/cam"))
    with pytest.raises(SourceUnavailable, match=r"loop: hall/cam → gate/cam → hall/cam"):
        source.grab()


@pytest.mark.parametrize(
    ("hops", "why"),
    [
        (",".join(f"n{n}" for n in range(16)), "at most 16 hops"),
        (",".join("n" * 60 for _ in range(6)), "at most 16 hops and 352 bytes"),
        ("gate cam", "is no name of a node"),
        ("a,,b", "is no name of a node"),
    ],
)
def test_impossible_hops_are_refused(
    node: FakeNode, relay_of: Callable[..., Relay], hops: str, why: str
) -> None:
    node.hops = hops
    with pytest.raises(SourceUnavailable, match=why):
        relay_of(node.url).open()


def test_age_is_right_though_the_origins_clock_is_not_ours(
    node: FakeNode, relay_of: Callable[..., Relay]
) -> None:
    node.ahead_us = -3_600_000_000
    source = relay_of(node.url)
    source.open()
    node.send(part(JPEG, 1, stamp=node.stamp(age_s=0.5)))
    grab = source.grab()
    age_s = (time.monotonic_ns() - grab.captured_at) / 1e9
    assert age_s >= 0.4
    clock_us, doubt_us = relayed(grab).clock
    known_us = clock_us + time.monotonic_ns() // 1000
    assert abs(known_us - (time.time_ns() // 1000 + node.ahead_us)) <= doubt_us + 1000


def test_no_frame_is_from_the_future(node: FakeNode, relay_of: Callable[..., Relay]) -> None:
    source = relay_of(node.url)
    source.open()
    node.send(part(JPEG, 1, stamp=node.stamp(age_s=-60.0)))
    assert source.grab().captured_at <= time.monotonic_ns()


def test_without_a_clock_frames_are_as_old_as_their_arrival(
    node: FakeNode, relay_of: Callable[..., Relay]
) -> None:
    node.clock = {"now_us": "noon"}
    source = relay_of(node.url)
    source.open()
    before = time.monotonic_ns()
    node.send(part(JPEG, 1))
    grab = source.grab()
    assert before <= grab.captured_at <= time.monotonic_ns()
    assert relayed(grab).clock == (0, 0)


def test_decoded_where_pixels_are_wanted(
    node: FakeNode, relay_of: Callable[..., Relay], writer: RingWriter
) -> None:
    jpeg = telling_jpeg(5)
    source = relay_of(node.url, passthrough=False)
    source.open()
    node.send(part(jpeg, 5))
    grab = source.grab()
    assert (grab.geometry.pixel_format, grab.size_bytes) == (PixelFormat.BGR24, None)
    slot = writer.begin(grab.geometry)
    source.retrieve(slot)
    assert number_in(np.array(slot.image)) == 5


def test_picture_that_claims_too_much_is_not_taken(
    node: FakeNode, relay_of: Callable[..., Relay], writer: RingWriter
) -> None:
    source = relay_of(node.url, max_pixels=64 * 64)
    source.open()
    node.send(part(claiming(JPEG, 640, 480), 1))
    grab = source.grab()
    with pytest.raises(PictureUnreadable, match=r"claims 640x480 pixels"):
        retrieved(source, grab, writer)
    node.send(part(JPEG, 2))
    assert retrieved(source, source.grab(), writer) == JPEG


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", id="no multipart"),
        pytest.param(part(JPEG, 1, X_Frame_Number="seventeen"), id="number"),
        pytest.param(part(JPEG, 1, X_Frame_Number=str(2**64)), id="large number"),
        pytest.param(part(JPEG, 1, X_Epoch=""), id="no epoch"),
        pytest.param(part(JPEG, 1, X_Timestamp="nan"), id="timestamp"),
        pytest.param(part(JPEG, 1, X_Timestamp="1700000000.5"), id="short timestamp"),
        pytest.param(part(JPEG, 1, X_Online="yes"), id="online"),
        pytest.param(part(JPEG, 1, Content_Length=str(2**40)), id="immense"),
        pytest.param(part(JPEG, 1, Content_Length="9" * 5000), id="immense digits"),
        pytest.param(part(JPEG, 1, Content_Length=str(len(JPEG) - 1)), id="short"),
        pytest.param(part(JPEG, 1, Content_Length=str(len(JPEG) + 1)), id="long"),
        pytest.param(part(JPEG, 1, Content_Length="-1"), id="negative"),
        pytest.param(part(JPEG, 1, Content_Type="text/html"), id="kind"),
        pytest.param(part(JPEG[:-2], 1), id="cut off"),
        pytest.param(b"X: " + b"y" * 70_000, id="endless header"),
    ],
)
def test_what_is_no_stream_of_ours_is_a_loss_and_says_so(
    node: FakeNode, relay_of: Callable[..., Relay], data: bytes
) -> None:
    source = relay_of(node.url)
    source.open()
    node.send(data)
    node.cut()
    with pytest.raises(SourceUnavailable, match=r"is no stream of ours|broke the stream off"):
        source.grab()


def outcome(source: Relay) -> SourceUnavailable:
    """Grab until the stream is lost, which is the only thing that may happen to it."""
    for _ in range(10):
        try:
            source.grab()
        except SourceUnavailable as lost:
            return lost
    raise AssertionError("more parts came than were sent")


@pytest.mark.parametrize("seed", range(20))
def test_garbage_is_a_loss_and_nothing_else(
    node: FakeNode, relay_of: Callable[..., Relay], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    good = bytearray(b"".join(part(JPEG, number) for number in range(1, 4)))
    for _ in range(chance.randrange(1, 20)):
        at = chance.randrange(len(good))
        good[at : at + chance.randrange(8)] = chance.randbytes(chance.randrange(8))
    source = relay_of(node.url)
    source.open()
    node.send(bytes(good))
    node.cut()
    lost = outcome(source)
    assert lost.retry_s is not None
