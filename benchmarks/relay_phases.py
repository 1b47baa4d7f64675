"""What a hop adds and costs: ages, CPU and bytes at every node of a tree of relays.

At every relay two clients read at once: one the relay itself, one the relay's parent, through the
same cable. Both see what the cable does, so the difference of their ages is the hop.
"""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.load import Group
from benchmarks.measure import Target, measure
from tests.support.relay_tree import LEAVES, PARENTS, PORT, STREAM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from benchmarks.measure import Row
    from tests.support.namespaces import Shape
    from tests.support.relay_tree import RelayTree, TreeNode

__all__ = ["crowd", "per_hop", "phase", "transports"]

_WARMUP_S: Final = 2.0
_CONTROL: Final = "ipv4/tcp_congestion_control"


def phase(tree: RelayTree, name: str, shape: Shape, seconds: float) -> dict[str, Any]:
    """Measure all nodes at once.

    Args:
        tree: Running.
        name: For the report.
        shape: Of every cable meanwhile.
        seconds: Length of the window.

    Returns:
        name; nodes: by name, "own" (the client at the node), "direct" (the one that reads the
        parent) and "cpu" (video, api: cores of the node).
    """
    tree.shape(shape)
    with ThreadPoolExecutor(2 * len(tree.nodes)) as pool:
        own = {
            each: pool.submit(_at, node, _own(node), 1, seconds)
            for each, node in tree.nodes.items()
        }
        direct = {
            each: pool.submit(_at, tree.nodes[each], _parent(tree.nodes[each]), 1, seconds)
            for each in PARENTS
        }
    nodes: dict[str, dict[str, Any]] = {}
    for each, future in own.items():
        row = _row(future)
        nodes[each] = {"own": row["groups"]["own"], "cpu": row["cpu"]}
        nodes[each]["elsewhere_cpu"] = row["elsewhere_cpu"]
    for each, future in direct.items():
        nodes[each]["direct"] = _row(future)["groups"]["own"]
    return {"name": name, "nodes": nodes}


def crowd(tree: RelayTree, name: str, clients: int, seconds: float) -> dict[str, Any]:
    """Put many clients on one relay: what each costs it, and what its cable carries.

    Returns:
        node, clients, fps_min, cpu; stream_mbit: payload of one client; cable_mbit: what the cable
        brought meanwhile, with all headers.
    """
    node = tree.nodes[name]
    assert node.uplink is not None  # noqa: S101 - a relay has one
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(_at, node, _own(node), clients, seconds)
        time.sleep(_WARMUP_S + 1.0)
        before, began_s = node.node.counters(node.uplink.interface), time.monotonic()
        time.sleep(seconds - 2.0)
        after, ended_s = node.node.counters(node.uplink.interface), time.monotonic()
    row = _row(future)
    group = row["groups"]["own"]
    carried = (after["rx_bytes"] - before["rx_bytes"]) / (ended_s - began_s)
    return {
        "node": name,
        "clients": clients,
        "fps_min": group["fps_min"],
        "age_ms": group["age_ms"],
        "cpu": row["cpu"],
        "stream_mbit": round(8e3 * group["gb_per_s"] / clients, 3),
        "cable_mbit": round(8 * carried / 1e6, 3),
    }


def transports(
    tree: RelayTree, name: str, shapes: Sequence[Shape], seconds: float
) -> list[dict[str, Any]]:
    """Have one client of a relay's node read the origin, by each congestion control there is.

    Args:
        tree: Running.
        name: Of the relay whose cable is shaped.
        shapes: Of it, one after the other.
        seconds: Length of each window.

    Returns:
        control, loss_percent, fps and age_ms of each.
    """
    node, origin = tree.nodes[name], tree.nodes["origin"]
    assert node.uplink is not None  # noqa: S101 - a relay has one
    allowed = Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control").read_text(encoding="ascii")
    found = []
    before = origin.node.setting(_CONTROL)
    for control in sorted({before, *allowed.split()}):
        origin.node.set(_CONTROL, control)
        for shape in shapes:
            node.uplink.shape(shape)
            row = _at(node, _parent(node), 1, seconds).as_json()["groups"]["own"]
            line = {"control": control, "loss_percent": shape.loss_percent}
            found.append({**line, "fps": row["fps_min"], "age_ms": row["age_ms"]})
    origin.node.set(_CONTROL, before)
    return found


def per_hop(plain: dict[str, Any], crowded: dict[str, Any]) -> dict[str, Any]:
    """What one hop adds and costs.

    Args:
        plain: The phase with plain cables.
        crowded: As ``crowd`` gives it.

    Returns:
        added_ms: p50 and p99, medians over the relays; relay_cores: a leaf with one client;
        client_cores: one more client.
    """
    nodes = plain["nodes"]
    alone = {name: sum(nodes[name]["cpu"].values()) for name in LEAVES}
    more = sum(crowded["cpu"].values()) - alone[crowded["node"]]
    return {
        "added_ms": {
            percentile: round(
                statistics.median(
                    nodes[name]["own"]["age_ms"][percentile]
                    - nodes[name]["direct"]["age_ms"][percentile]
                    for name in PARENTS
                ),
                2,
            )
            for percentile in ("p50", "p99")
        },
        "relay_cores": round(statistics.median(alone.values()), 4),
        "client_cores": round(more / (crowded["clients"] - 1), 5),
    }


def _own(node: TreeNode) -> Target:
    assert node.video is not None  # noqa: S101 - it runs
    assert node.api is not None  # noqa: S101
    api = [node.api.process.pid, *(worker.pid for worker in node.api.workers())]
    return Target("ours", PORT, {"video": [node.video.process.pid], "api": api})


def _parent(node: TreeNode) -> Target:
    assert node.uplink is not None  # noqa: S101 - a relay has one
    return Target("ours", PORT, {}, host=node.uplink.addresses[0])


def _at(node: TreeNode, target: Target, clients: int, seconds: float) -> Row:
    with node.node.inside():
        return measure("tree", target, [Group("own", clients, STREAM)], _WARMUP_S, seconds)


def _row(future: Future[Row]) -> dict[str, Any]:
    row = future.result()
    if row.errors:
        raise RuntimeError(f"clients of the tree had errors: {row.errors}")
    return row.as_json()
