"""Nodes that relay each other: the origin's bytes, numbers and times at every one of them."""

from __future__ import annotations

import json
import signal
import statistics
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.mjpeg_client import MjpegClient, get
from tests.support.processes import Services, wait_until
from tests.support.streams import STREAM, status
from tests.support.wall_clock import WallClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shared.multipart import Part
    from tests.support.processes import Api, Child

pytestmark = [pytest.mark.process, pytest.mark.e2e, pytest.mark.timeout(90)]

TOKEN: Final = "a-token-of-sixteen"  # noqa: S105 - of a test
FRAMES: Final = 40


class Node:
    """Video Module and API of one node, beside the others on this machine.

    Attributes:
        services: Of the node.
        api: Its API.
        video: Its Video Module.
    """

    def __init__(self, folder: Path, segment: str) -> None:
        folder.mkdir()
        self.services = Services(folder, segment)
        self.api: Api
        self.video: Child

    @property
    def url(self) -> str:
        return self.api.url + STREAM

    def relay_status(self) -> dict[str, Any]:
        return dict(status(self.api)["relay"] or {})


@pytest.fixture
def nodes(tmp_path: Path, segment_name: str) -> Iterator[Callable[..., Node]]:
    """Starts a node on a source; ends all of them, the last one first."""
    made: list[Node] = []

    def start(
        source: str,
        *,
        api: dict[str, Any] | None = None,
        variables: dict[str, str] | None = None,
        **video: Any,  # noqa: ANN401 - settings by name
    ) -> Node:
        number = len(made)
        node = Node(tmp_path / f"node{number}", f"{segment_name}-{number}")
        made.append(node)
        node.services.variables |= variables or {}
        node.video = node.services.video(source, **video)
        node.api = node.services.api(api__workers=1, **(api or {}))
        return node

    yield start
    for node in reversed(made):
        node.services.stop()


def chain_of(nodes: Callable[..., Node], source: str, length: int, **settings: Any) -> list[Node]:  # noqa: ANN401 - settings by name
    """An origin with this source, and relays of each other behind it; all of them ready."""
    chain: list[Node] = []
    for _ in range(length):
        chain.append(nodes(chain[-1].url) if chain else nodes(source, **settings))
        chain[-1].api.wait_ready()
    return chain


def parts_of(node: Node, count: int = FRAMES, query: str = "") -> list[Part]:
    with MjpegClient(node.url + query) as client:
        return list(client.parts(count))


def at_once(*nodes: Node) -> list[dict[tuple[int, int], Part]]:
    """The frames that each node sends at the same time, by their names."""
    with ThreadPoolExecutor(len(nodes)) as pool:
        streams = pool.map(parts_of, nodes)
    return [{(part.epoch, part.number): part for part in parts} for parts in streams]


@pytest.mark.slow
def test_frames_are_the_same_at_every_node_of_a_chain(nodes: Callable[..., Node]) -> None:
    chain = chain_of(nodes, "pattern://640x360@30", 3)
    origin, *_, second = chain

    seen = at_once(*chain)
    common = set.intersection(*(set(frames) for frames in seen))
    assert len(common) >= FRAMES // 2
    for name in common:
        at_origin, *relayed = (frames[name] for frames in seen)
        for part in relayed:
            assert part.jpeg == at_origin.jpeg
            assert part.headers["x-timestamp"] == at_origin.headers["x-timestamp"]
        assert "x-hops" not in at_origin.headers

    names = [status(node.api)["relay"] for node in chain]
    assert names[0] is None
    assert names[1]["upstream"] == origin.url
    assert len(names[2]["hops"]) == 3
    assert names[2]["hops"][:2] == names[1]["hops"]
    hops = {part.headers["x-hops"] for part in seen[2].values()}
    assert hops == {",".join(names[2]["hops"])}
    assert get(second.url + "/frame")[1]["x-hops"] == hops.pop()
    for node in chain:
        assert 0.0 <= status(node.api)["age_ms"] < 5000.0
        assert bool(status(node.api)["encoded"]) == (node is origin), "one encode in the tree"


@pytest.mark.slow
def test_single_picture_has_the_same_name_at_every_node(nodes: Callable[..., Node]) -> None:
    origin, relay = chain_of(nodes, "pattern://320x240@1", 2)

    def tags() -> list[str]:
        asked = "/frame?max_age=5000"
        return [get(node.url + asked)[1]["etag"] for node in (origin, relay)]

    def numbers() -> list[str]:
        return [tag.strip('W/"').rpartition("-")[0] for tag in tags()]

    wait_until(lambda: len(set(numbers())) == 1, "the same frame")


@pytest.mark.slow
def test_origin_that_was_killed_comes_back_without_a_blank_in_between(
    nodes: Callable[..., Node],
) -> None:
    origin, relay = chain_of(nodes, "pattern://320x240@30", 2)
    wait_until(lambda: bool(relay.relay_status()), "hops")
    port = int(origin.api.url.rpartition(":")[2])

    with MjpegClient(relay.url) as client:
        parts = client.parts()
        before = next(parts)
        origin.api.kill()
        origin.api = origin.services.api(api__workers=1, api__port=port)
        wait_until(lambda: relay.relay_status()["reconnects"] >= 1, "a reconnect")
        part = next(part for part in parts if part.number > before.number + 30)

    assert (part.epoch, part.online) == (before.epoch, True)


@pytest.mark.slow
def test_video_module_that_was_killed_is_another_life_at_every_node(
    nodes: Callable[..., Node],
) -> None:
    origin, relay = chain_of(nodes, "pattern://320x240@30", 2)

    with MjpegClient(relay.url) as client:
        parts = client.parts()
        before = next(parts)
        origin.video.kill()
        origin.video = origin.services.video("pattern://320x240@30")
        part = next(part for part in parts if part.online and part.epoch != before.epoch)

    assert status(origin.api)["epoch"] == str(part.epoch)


@pytest.mark.slow
def test_clean_end_of_the_upstream_shows_no_blank(nodes: Callable[..., Node]) -> None:
    origin, relay = chain_of(nodes, "pattern://320x240@30", 2)
    wait_until(lambda: bool(relay.relay_status()), "hops")

    with MjpegClient(relay.url) as client:
        parts = client.parts()
        before = next(parts)
        origin.api.signal(signal.SIGHUP)  # gunicorn replaces its workers, streams end cleanly
        relay.video.wait_for_log("ended the stream after")
        blanks = 0
        for part in parts:
            blanks += not part.online
            if part.number > before.number + 60:
                break
    assert blanks == 0
    assert relay.relay_status()["reconnects"] >= 1


@pytest.mark.slow
def test_loop_of_two_is_refused_and_the_log_shows_it(nodes: Callable[..., Node]) -> None:
    first = nodes("http://127.0.0.1:9/stream/video", video__relay__node="first")
    second = nodes(first.url, video__relay__node="second")
    second.video.wait_for_log("opened: relayed: first → second")
    first.video.stop()
    first.video = first.services.video(second.url, video__relay__node="first")

    first.video.wait_for_log("this would be a loop: (first → )+second → first")


@pytest.mark.slow
def test_token_is_needed_and_given(nodes: Callable[..., Node], tmp_path: Path) -> None:
    origin = nodes("pattern://320x240@30", api={"api__auth__token": TOKEN})
    file = tmp_path / "token"
    file.write_text("not the right one", encoding="ascii")
    relay = nodes(origin.url, video__relay__token_file=file)
    relay.video.wait_for_log("wants credentials, or other ones: give a token of its scope view")

    file.write_text(TOKEN + "\n", encoding="ascii")
    relay.video.wait_for_log("opened: relayed")
    wait_until(lambda: parts_of(relay, 1)[0].online, "the first picture after the blanks")
    assert TOKEN not in relay.video.said()
    assert TOKEN not in json.dumps(status(relay.api))


@pytest.mark.slow
def test_blank_of_the_origin_is_relayed_with_its_reason(
    nodes: Callable[..., Node], tmp_path: Path
) -> None:
    origin, relay = chain_of(nodes, str(tmp_path / "missing.mp4"), 2)

    wait_until(lambda: status(relay.api)["reason"].startswith("there is no file"), "the reason")
    assert not parts_of(relay, 1)[0].online
    assert status(relay.api)["epoch"] == status(origin.api)["epoch"]


@pytest.mark.slow
def test_relay_asks_for_all_frames_and_its_clients_choose(nodes: Callable[..., Node]) -> None:
    _, relay = chain_of(nodes, "pattern://320x240@50", 2)
    wait_until(lambda: status(relay.api)["fps"] > 40.0, "all of the origin's frames")

    few = parts_of(relay, 8, "?fps=5")
    gaps = [after.number - before.number for before, after in pairwise(few)]
    assert statistics.median(gaps) >= 5
    small = parts_of(relay, 2, "?width=160")[-1]
    assert small.headers["x-size"] == "160x120"
    assert small.headers["x-hops"] == ",".join(relay.relay_status()["hops"])


@pytest.mark.slow
def test_age_is_right_where_the_origins_clock_is_an_hour_off(
    nodes: Callable[..., Node], tmp_path: Path
) -> None:
    clock = WallClock(tmp_path)
    clock.set(-3600)
    _, first, second = chain_of(nodes, "pattern://320x240@30", 3, variables=clock.variables)

    for relay in (first, second):
        wait_until(partial(told_clock, relay, -3_600_000.0), "the clock of the origin")
        assert 0.0 <= status(relay.api)["age_ms"] < 5000.0
        metrics = get(relay.api.url + "/metrics")[2].decode()
        assert "ringcast_relay_clock_offset_seconds" in metrics
    assert (
        second.relay_status()["clock_uncertainty_ms"] > first.relay_status()["clock_uncertainty_ms"]
    )

    clock.set(3600)
    for relay in (first, second):
        wait_until(partial(told_clock, relay, 3_600_000.0), "the clock that was set")
        assert 0.0 <= status(relay.api)["age_ms"] < 5000.0


def told_clock(relay: Node, offset_ms: float) -> bool:
    """Whether a relay has told the offset of its origin's clock within what it doubts."""
    told = relay.relay_status()
    if told.get("clock_offset_ms") is None:
        return False
    off_ms = abs(told["clock_offset_ms"] - offset_ms)
    return bool(off_ms <= told["clock_uncertainty_ms"] + 5.0)
