"""What breaks in a tree of relays, and how long it takes to heal: cables and a relay."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from benchmarks.soak_samples import percentile
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.support.leaves import LeafClient
    from tests.support.relay_tree import RelayTree

__all__ = ["Outage", "outages", "summary"]

_VICTIM: Final = "a"
"""The relay of the first level that has others behind it."""
_SETTLE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Outage:
    """One fault, and what its clients saw.

    Attributes:
        kind: What was done.
        lasted_s: From the fault to its repair.
        back_s: From the repair to the next new frame, by node; a killed relay counts as repaired
            the moment its start is asked for.
        ready_s: From the repair until the relay had frames itself; 0: it was never gone.
        others_gap_s: Longest time without a new frame of those that had nothing to do with it.
        others_cut: How many of their streams ended.
    """

    kind: str
    lasted_s: float
    back_s: dict[str, float]
    ready_s: float
    others_gap_s: float
    others_cut: int


def outages(tree: RelayTree, clients: Mapping[str, LeafClient], times: int) -> Iterator[Outage]:
    """Break things, one after the other.

    Args:
        tree: Running.
        clients: One on each node.
        times: How often each kind of fault.
    """
    cable = tree.nodes[_VICTIM].uplink
    assert cable is not None  # noqa: S101 - a relay has one
    relay = tree.nodes[_VICTIM]
    for _ in range(times):
        for kind, dark_s in (("cable loses all for 1 s", 1.0), ("cable loses all for 4 s", 4.0)):
            with _Watching(tree, clients, kind) as watching:
                cable.cut()
                time.sleep(dark_s)
                watching.repaired()
                cable.mend()
            yield watching.outage()
        with _Watching(tree, clients, "interfaces down for 4 s") as watching:
            cable.set_up(up=False)
            time.sleep(4.0)
            watching.repaired()
            cable.set_up(up=True)
        yield watching.outage()
        with _Watching(tree, clients, "relay killed, started after 1 s") as watching:
            relay.kill()
            time.sleep(1.0)
            watching.repaired()
            relay.start()
            relay.wait_ready()
            watching.ready()
        yield watching.outage()


class _Watching:
    """Notes when a fault began and was repaired, and waits until its clients are back."""

    def __init__(self, tree: RelayTree, clients: Mapping[str, LeafClient], kind: str) -> None:
        self._kind = kind
        self._behind = {name: clients[name] for name in sorted(tree.below(_VICTIM))}
        self._others = [client for name, client in clients.items() if name not in self._behind]
        self._began_s = self._repaired_s = self._ready_s = 0.0
        self._ends = 0

    def __enter__(self) -> Self:
        time.sleep(_SETTLE_S)
        self._began_s, self._ends = time.monotonic(), self._cut()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            wait_until(lambda: len(self._back()) == len(self._behind), "frames behind the fault")

    def repaired(self) -> None:
        self._repaired_s = time.monotonic()

    def ready(self) -> None:
        self._ready_s = time.monotonic()

    def outage(self) -> Outage:
        return Outage(
            self._kind,
            round(self._repaired_s - self._began_s, 3),
            self._back(),
            round(max(0.0, self._ready_s - self._repaired_s), 3),
            round(max(client.longest_gap_s(self._began_s) for client in self._others), 3),
            self._cut() - self._ends,
        )

    def _cut(self) -> int:
        return sum(client.ends for client in self._others)

    def _back(self) -> dict[str, float]:
        found = {
            name: client.back_after_s(self._repaired_s) for name, client in self._behind.items()
        }
        return {name: round(seconds, 3) for name, seconds in found.items() if seconds is not None}


def summary(found: Sequence[Outage]) -> list[dict[str, Any]]:
    """By kind of fault: times, median and longest recovery of all nodes behind it, seconds."""
    lines = []
    for kind in dict.fromkeys(outage.kind for outage in found):
        these = [outage for outage in found if outage.kind == kind]
        back_s = sorted(seconds for outage in these for seconds in outage.back_s.values())
        lines.append(
            {
                "kind": kind,
                "times": len(these),
                "back_s": {"p50": percentile(back_s, 50), "max": back_s[-1]},
                "ready_s": statistics.median(outage.ready_s for outage in these),
                "others_gap_s": max(outage.others_gap_s for outage in these),
                "others_cut": sum(outage.others_cut for outage in these),
                "each": [asdict(outage) for outage in these],
            }
        )
    return lines
