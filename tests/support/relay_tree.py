"""An origin and relays in two levels, each in a network namespace, with shaped cables between them.

::

    origin ─┬─ a ─┬─ d      every node has a Video Module and an API of its own
            │     └─ e
            ├─ b
            └─ c
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from tests.support.namespaces import Network, Shape
from tests.support.processes import Api, Child, Services

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.namespaces import Link, Node

__all__ = ["LEAVES", "PARENTS", "PORT", "STREAM", "RelayTree", "TreeNode"]

PARENTS: Final = {"a": "origin", "b": "origin", "c": "origin", "d": "a", "e": "a"}
"""Whom each relay reads from; parents stand before their children."""
LEAVES: Final = ("b", "c", "d", "e")
PORT: Final = 8000
STREAM: Final = "/stream/video"


@dataclass
class TreeNode:
    """One node of the tree, and what runs on it.

    Attributes:
        name: "origin", or a letter.
        node: Its network namespace.
        services: What was started in it.
        source: ``video.source``.
        uplink: The cable to its parent; None: the origin.
        video: Its Video Module.
        api: Its API.
    """

    name: str
    node: Node
    services: Services
    source: str
    uplink: Link | None
    video: Child | None = field(default=None, init=False)
    api: Api | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Of its stream, from within the node."""
        return f"http://127.0.0.1:{PORT}{STREAM}"

    def start(self) -> None:
        """Start both services, and wait for neither."""
        reachable = {"api.host": "0.0.0.0", "api.port": PORT, "api.auth.mode": "none"}  # noqa: S104
        with self.node.inside():
            self.video = self.services.video(self.source)
            self.api = self.services.start_api(reachable)

    def wait_ready(self) -> None:
        """Wait until it has frames."""
        assert self.api is not None
        with self.node.inside():
            self.api.find_out_url().wait_ready()

    def kill(self) -> None:
        """End both services at once, without warning, as a machine that loses its power."""
        for child in (self.video, self.api):
            assert child is not None
            child.kill()


class RelayTree:
    """The whole tree, running; gone after the ``with``.

    Args:
        folder: For logs and the cable's program.
        segment: Names of segments begin with it.
        source: Of the origin.
        shape: Of every cable.
        show_logs: Print them at the end.

    Attributes:
        nodes: By name, parents first.
    """

    def __init__(
        self, folder: Path, segment: str, source: str, shape: Shape, *, show_logs: bool = True
    ) -> None:
        self._folder, self._segment, self._source, self._shape = folder, segment, source, shape
        self._show_logs = show_logs
        self._network = Network(folder)
        self._ends = contextlib.ExitStack()
        self.nodes: dict[str, TreeNode] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as ends:
            ends.enter_context(self._network)
            self._add("origin", None)
            for name, parent in PARENTS.items():
                self._add(name, self.nodes[parent])
            for node in self.nodes.values():
                ends.callback(node.services.stop, show_logs=self._show_logs)
                node.start()
            for node in self.nodes.values():
                node.wait_ready()
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ends.close()

    def shape(self, shape: Shape) -> None:
        """Shape every cable."""
        for node in self.nodes.values():
            if node.uplink is not None:
                node.uplink.shape(shape)

    def hops(self, name: str) -> str:
        """The names of the nodes a frame at this one has come by, as ``X-Hops`` has them."""
        above = PARENTS.get(name)
        return name if above is None else f"{self.hops(above)},{name}"

    def below(self, name: str) -> set[str]:
        """A node and all that get their frames through it."""
        return {each for each in self.nodes if name in self.hops(each).split(",")}

    def _add(self, name: str, parent: TreeNode | None) -> None:
        node = self._network.node(name)
        folder = self._folder / name
        folder.mkdir()
        services = Services(folder, f"{self._segment}-{name}")
        services.variables = {"RINGCAST_VIDEO__RELAY__NODE": name}
        uplink, source = None, self._source
        if parent is not None:
            uplink = self._network.link(parent.node, node)
            uplink.shape(self._shape)
            source = f"http://{uplink.addresses[0]}:{PORT}{STREAM}"
        self.nodes[name] = TreeNode(name, node, services, source, uplink)
