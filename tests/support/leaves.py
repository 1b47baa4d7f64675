"""Clients all over a tree of relays that come back when they are cut off, and check every frame."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import threading
import time
from typing import TYPE_CHECKING, Final, Self

from tests.support.mjpeg_client import EndOfStream, MjpegClient, ProtocolViolation
from tests.support.streams import assert_telling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.multipart import Part
    from tests.support.relay_tree import RelayTree, TreeNode

__all__ = ["Album", "LeafClient", "watching"]

_SILENCE_S: Final = 5.0
"""Longer than a server is ever silent: it repeats its last part after a second."""
_PAUSE_S: Final = 0.02


class Album:
    """Every frame that any client was sent, once; the origin's are what the others must equal.

    Attributes:
        wrong: What was wrong with frames, in words.
        compared: How many parts had the bytes that the origin sent.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._digests: dict[tuple[int, int], bytes] = {}
        self.wrong: list[str] = []
        self.compared = 0

    def take(self, part: Part, whose: str) -> None:
        """Compare a live frame with what is known of it; decode one that is not known yet."""
        key, digest = (part.epoch, part.number), hashlib.sha256(part.jpeg).digest()
        with self._lock:
            known = self._digests.setdefault(key, digest)
            first = known is digest
            self.compared += not first
        if known != digest:
            self.wrong.append(f"{whose}: frame {part.number} has other bytes than elsewhere")
        if first:
            try:
                assert_telling(part)
            except AssertionError as error:
                self.wrong.append(f"{whose}: frame {part.number}: {error}")


class LeafClient(threading.Thread):
    """A client on a node that comes back when it is cut off, and looks at all it gets.

    Args:
        node: Where it lives, and whom it asks.
        album: Shared with all others of the tree.

    Attributes:
        arrivals_s: When the last byte of each new live frame had come, ``time.monotonic()``.
        blanks: How many parts said that the camera is lost, after a first live frame.
        hops: Every way that a live frame said it has come, or the answer where frames say none.
        backwards: What came after a newer frame, in words.
        ends: How often its stream ended without its doing.
    """

    def __init__(self, node: TreeNode, album: Album) -> None:
        super().__init__(name=f"client of {node.name}", daemon=True)
        self._node, self._album = node, album
        self.arrivals_s: list[float] = []
        self.blanks = self.ends = 0
        self.hops: set[str] = set()
        self.backwards: list[str] = []
        self._newest = (0, -1)
        self._leaving = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._leaving.set()
        self.join(2 * _SILENCE_S)

    def run(self) -> None:
        """Watch, and come back, until the ``with`` ends."""
        while not self._leaving.is_set():
            try:
                with (
                    self._node.node.inside(),
                    MjpegClient(self._node.url, timeout_s=_SILENCE_S) as client,
                ):
                    self._watch(client)
            except (OSError, EndOfStream):  # the node is down, or went down
                self.ends += 1
            except ProtocolViolation as violation:
                self.ends += 1
                if "closed within" not in str(violation) and "no stream" not in str(violation):
                    self._album.wrong.append(f"{self.name}: {violation}")
            self._leaving.wait(_PAUSE_S)

    def back_after_s(self, moment_s: float) -> float | None:
        """Seconds from a moment (``time.monotonic()``) to the next new frame; None: none yet."""
        later = (at_s - moment_s for at_s in tuple(self.arrivals_s) if at_s > moment_s)
        return next(later, None)

    def longest_gap_s(self, since_s: float) -> float:
        """Longest time without a new frame since a moment, until now."""
        edges = [since_s, *(at_s for at_s in tuple(self.arrivals_s) if at_s > since_s)]
        edges.append(time.monotonic())
        return max(later - earlier for earlier, later in itertools.pairwise(edges))

    def _watch(self, client: MjpegClient) -> None:
        while not self._leaving.is_set():
            self._take(client.next_part(), client.headers["x-hops"])

    def _take(self, part: Part, hops: str) -> None:
        newest, current = self._newest, (part.epoch, part.number)
        if not part.online:
            self.blanks += bool(self.arrivals_s)
            return
        self.hops.add(part.headers.get("x-hops", hops))
        if current < newest:
            self.backwards.append(f"{self.name}: after {newest} came {current}")
        if current <= newest:
            return
        self._newest = current
        self.arrivals_s.append(part.received_at)
        self._album.take(part, self.name)


@contextlib.contextmanager
def watching(tree: RelayTree, album: Album) -> Iterator[dict[str, LeafClient]]:
    """A client on every node, the origin's among them, each with its first frame; by node."""
    with contextlib.ExitStack() as ends:
        yield {
            name: ends.enter_context(LeafClient(node, album)) for name, node in tree.nodes.items()
        }
