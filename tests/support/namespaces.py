"""Network namespaces as nodes, and cables between them with delay, loss and rate.

::

    with Network(folder) as network:
        here, there = network.node("here"), network.node("there")
        link = network.link(here, there)  # here has 10.77.0.1 on it, there 10.77.0.2
        link.shape(Shape(delay_ms=20, loss_percent=1, rate_mbit=100))
        with there.inside():
            ...  # sockets opened and children started here live in that node

Needs root, iproute2, a C compiler and ``/dev/net/tun``. Cables are ``shaped_link.c`` and not
``tc netem``: not every kernel has sch_netem (ours answers "Specified qdisc kind is unknown").
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PLAIN", "Link", "Network", "Node", "Shape"]

_CLONE_NEWNET: Final = 0x4000_0000
_OWN: Final = Path("/proc/thread-self/ns/net")
_END_S: Final = 5.0
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Shape:
    """What a cable does to packets, each way.

    Attributes:
        delay_ms: From the end of sending to arrival.
        loss_percent: How many never arrive; 100: it is cut.
        rate_mbit: How fast it sends; 0: as fast as it is given.
    """

    delay_ms: float = 0.0
    loss_percent: float = 0.0
    rate_mbit: float = 0.0


PLAIN: Final = Shape()


class Node:
    """A network namespace with its loopback.

    Args:
        name: As ``ip netns`` has it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        _ip("netns", "add", name)
        try:
            self.run("ip", "link", "set", "lo", "up")
            self.set("ipv6/conf/all/disable_ipv6", "1")
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Have this thread's new sockets, and children it starts, live in this node.

        Source: setns(2): each thread has a network namespace; a socket keeps that of its birth.
        """
        outside = os.open(_OWN, os.O_RDONLY)
        try:
            _enter(Path("/run/netns") / self.name)
            try:
                yield
            finally:
                _enter(outside)
        finally:
            os.close(outside)

    def run(self, *command: str) -> str:
        """Run a program in this node to its end, and give what it printed."""
        return _ip("netns", "exec", self.name, *command)

    def set(self, name: str, value: str) -> None:
        """Set a network setting of the kernel in this node: ``ipv4/tcp_congestion_control``."""
        with self.inside():
            (Path("/proc/sys/net") / name).write_text(value, encoding="ascii")

    def setting(self, name: str) -> str:
        """The value of such a setting."""
        with self.inside():
            return (Path("/proc/sys/net") / name).read_text(encoding="ascii").strip()

    def counters(self, interface: str) -> dict[str, int]:
        """Bytes and packets an interface has sent and received, by names such as ``tx_bytes``."""
        (found,) = json.loads(self.run("ip", "-json", "-stats", "link", "show", interface))
        return {
            f"{way}_{what}": int(found["stats64"][way][what])
            for way in ("rx", "tx")
            for what in ("bytes", "packets")
        }

    def close(self) -> None:
        """Remove it; what still runs in it keeps it alive until it ends."""
        _ip("netns", "delete", self.name)


class Link:
    """A cable between two nodes, plain until it is shaped.

    Args:
        program: The built ``shaped_link``.
        nodes: Its ends.
        number: Of the cable within its network: names and addresses come from it.

    Attributes:
        nodes: Its ends.
        interface: Its name in both nodes.
        addresses: Of either end.
    """

    def __init__(self, program: Path, nodes: tuple[Node, Node], number: int) -> None:
        self.nodes = nodes
        self.interface = f"cable{number}"
        self.addresses = (f"10.77.{number}.1", f"10.77.{number}.2")
        self._shape = PLAIN
        self._process = subprocess.Popen(
            [program, nodes[0].name, nodes[1].name, self.interface],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        try:
            self._expect("ready")
            for node, address in zip(nodes, self.addresses, strict=True):
                node.run("ip", "address", "add", f"{address}/30", "dev", self.interface)
                node.run("ip", "link", "set", self.interface, "up")
        except BaseException:
            self.close()
            raise

    def shape(self, shape: Shape) -> None:
        """Do this to every packet that is sent from now on."""
        self._shape = shape
        self._tell(shape)

    def cut(self) -> None:
        """Lose every packet, and let neither end know: a cable pulled out somewhere in between."""
        self._tell(Shape(loss_percent=100.0))

    def mend(self) -> None:
        """Undo ``cut``."""
        self._tell(self._shape)

    def set_up(self, *, up: bool) -> None:
        """Take the interfaces of both ends down, which they notice, or up again."""
        for node in self.nodes:
            node.run("ip", "link", "set", self.interface, "up" if up else "down")

    def close(self) -> None:
        """Take it away, interfaces included."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_END_S)
        self._process.stdout.close()

    def _tell(self, shape: Shape) -> None:
        assert self._process.stdin is not None
        microseconds, parts = round(shape.delay_ms * 1e3), round(shape.loss_percent * 1e4)
        self._process.stdin.write(f"{microseconds} {parts} {round(shape.rate_mbit * 1e3)}\n")
        self._expect("ok")

    def _expect(self, word: str) -> None:
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        if said != word:
            raise RuntimeError(f"the cable {self.interface} said {said!r} instead of {word!r}")


class Network:
    """Nodes and cables that are all gone after the ``with``.

    Args:
        folder: Where ``shaped_link`` is built.
    """

    def __init__(self, folder: Path) -> None:
        self._program = folder / "shaped_link"
        self._prefix = f"ringcast-{secrets.token_hex(3)}-"
        self._ends = contextlib.ExitStack()
        self._links = 0

    def __enter__(self) -> Self:
        source = Path(__file__).with_name("shaped_link.c")
        command = ("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", self._program, source)
        subprocess.run(command, check=True, timeout=60)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ends.close()

    def node(self, name: str) -> Node:
        """Add a node."""
        node = Node(self._prefix + name)
        self._ends.callback(node.close)
        return node

    def link(self, one: Node, other: Node) -> Link:
        """Connect two nodes with a plain cable."""
        link = Link(self._program, (one, other), self._links)
        self._ends.callback(link.close)
        self._links += 1
        return link


def _enter(namespace: Path | int) -> None:
    opened = os.open(namespace, os.O_RDONLY) if isinstance(namespace, Path) else namespace
    try:
        if _LIBC.setns(opened, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        if isinstance(namespace, Path):
            os.close(opened)


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
