"""A tree of relays over bad cables: every frame is the origin's, and it heals by itself."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.leaves import Album, watching
from tests.support.namespaces import Network, Shape
from tests.support.processes import wait_until
from tests.support.relay_tree import RelayTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.leaves import LeafClient
    from tests.support.namespaces import Link

pytestmark = [
    pytest.mark.process,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

CABLE: Final = Shape(delay_ms=20, loss_percent=1, rate_mbit=100)
DARK_S: Final = 3.0
"""Longer than a relay believes in a silent connection."""


class Watched:
    """The running tree, and a client on each of its nodes.

    Attributes:
        tree: All nodes.
        album: What the clients were sent.
        clients: By node.
    """

    def __init__(self, tree: RelayTree, album: Album, clients: dict[str, LeafClient]) -> None:
        self.tree, self.album, self.clients = tree, album, clients

    def of(self, names: set[str]) -> list[LeafClient]:
        return [self.clients[name] for name in sorted(names)]

    def wait_dark(self, names: set[str]) -> None:
        """Wait until none of these nodes has had a new frame for a while."""

        def dark() -> bool:
            newest_s = max(client.arrivals_s[-1] for client in self.of(names))
            return time.monotonic() - newest_s > DARK_S

        wait_until(dark, f"no new frames at {sorted(names)}")

    def wait_back(self, names: set[str], moment_s: float) -> dict[str, float]:
        """Wait for new frames at each of these nodes; gives the seconds it took from a moment."""

        def back() -> bool:
            return all(client.back_after_s(moment_s) is not None for client in self.of(names))

        wait_until(back, f"new frames at {sorted(names)}")
        took = {name: self.clients[name].back_after_s(moment_s) for name in sorted(names)}
        print({name: f"{seconds:.2f} s" for name, seconds in took.items()})  # noqa: T201 - measured
        return {name: seconds for name, seconds in took.items() if seconds is not None}

    def assert_clean(self) -> None:
        """Check what holds for every client at any time."""
        assert self.album.wrong == []
        for name, client in self.clients.items():
            assert client.backwards == []
            assert client.hops == {self.tree.hops(name)}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The whole tree for all tests of this file: it takes seconds to grow."""
    folder, segment = tmp_path_factory.mktemp("tree"), f"test-{os.getpid()}-tree"
    album = Album()
    with (
        RelayTree(folder, segment, "pattern://320x240@30", CABLE) as tree,
        watching(tree, album) as clients,
    ):
        yield Watched(tree, album, clients)
    left = sorted(Path("/dev/shm").glob(f"{segment}*"))  # noqa: S108 - the real tmpfs
    for path in left:
        path.unlink()
    assert [path.name for path in left] == []


def datagrams(link: Link, count: int) -> list[float]:
    """Send some of 1,250 bytes from one end; gives the seconds that each that came took."""
    sender_node, taker_node = link.nodes
    with taker_node.inside():
        taker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        taker.bind((link.addresses[1], 0))
    with sender_node.inside():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with taker, sender:
        for _ in range(count):
            sent = f"{time.monotonic():<1222}".encode()  # with IP's and UDP's headers 1,250
            sender.sendto(sent, taker.getsockname())
        taker.settimeout(1.0)
        under_way: list[float] = []
        with contextlib.suppress(TimeoutError):  # the others were lost
            while len(under_way) < count:
                sent_s = float(taker.recv(2048))
                under_way.append(time.monotonic() - sent_s)
    return under_way


def test_cables_do_what_they_are_told(tmp_path: Path) -> None:
    with Network(tmp_path) as network:
        link = network.link(network.node("here"), network.node("there"))
        link.shape(Shape(delay_ms=20))
        under_way = datagrams(link, 60)
        assert len(under_way) == 60
        assert min(under_way) >= 0.020
        link.shape(Shape(loss_percent=30))
        assert 20 < len(datagrams(link, 60)) < 58
        link.shape(Shape(rate_mbit=1))
        assert datagrams(link, 20)[-1] >= 0.18, "20 of 10 ms each, the last one sent a little later"
        link.cut()
        assert datagrams(link, 10) == []
        link.mend()
        assert len(datagrams(link, 10)) == 10
        names = [node.name for node in link.nodes]
    listed = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert not any(name in listed for name in names)


@pytest.mark.timeout(90)
def test_every_frame_at_every_node_is_the_origins(watched: Watched) -> None:
    wait_until(
        lambda: all(len(client.arrivals_s) > 60 for client in watched.clients.values()),
        "60 frames at every node",
    )
    assert watched.album.compared > 300
    assert {name: client.blanks for name, client in watched.clients.items() if client.blanks} == {}
    watched.assert_clean()


def cut(link: Link) -> None:
    link.cut()


def take_down(link: Link) -> None:
    link.set_up(up=False)


def mend(link: Link) -> None:
    link.mend()


def take_up(link: Link) -> None:
    link.set_up(up=True)


@pytest.mark.timeout(90)
@pytest.mark.parametrize(("broken", "repaired"), [(cut, mend), (take_down, take_up)])
def test_what_lies_behind_a_cut_cable_comes_back_with_it(
    watched: Watched, broken: Callable[[Link], None], repaired: Callable[[Link], None]
) -> None:
    behind = watched.tree.below("a")
    link = watched.tree.nodes["a"].uplink
    assert link is not None
    ends = {name: client.ends for name, client in watched.clients.items()}
    began_s = time.monotonic()
    broken(link)
    watched.wait_dark(behind)
    mended_s = time.monotonic()
    repaired(link)
    watched.wait_back(behind, mended_s)
    for client in watched.of(set(watched.clients) - behind):
        assert client.longest_gap_s(began_s) < DARK_S / 2, "this one has nothing to do with it"
    assert ends == {name: client.ends for name, client in watched.clients.items()}, "none was cut"
    watched.assert_clean()


@pytest.mark.timeout(90)
def test_what_lies_behind_a_killed_relay_comes_back_with_it(watched: Watched) -> None:
    killed = watched.tree.nodes["a"]
    behind = watched.tree.below("a")
    ends = {name: watched.clients[name].ends for name in watched.clients if name != "a"}
    began_s = time.monotonic()
    killed.kill()
    watched.wait_dark(behind)
    killed.start()
    killed.wait_ready()
    watched.wait_back(behind, time.monotonic())
    for client in watched.of(set(watched.clients) - behind):
        assert client.longest_gap_s(began_s) < DARK_S / 2, "this one has nothing to do with it"
    assert ends == {name: watched.clients[name].ends for name in ends}, "only its own were cut"
    watched.assert_clean()
