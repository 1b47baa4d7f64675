"""The arithmetic of a tree of relays: nodes, cores, bandwidth, money for so many viewers; no I/O.

Every node serves viewers or relays until its cores or its network card are used to the share
``utilisation``. Relays are added in levels, each as small as it can be, until the origin can feed
the uppermost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.analysis import cpu_slope, cpu_total, find, main_group

__all__ = ["Inputs", "Measured", "NonsenseError", "Plan", "capacity", "plan", "read_measured"]

_RANGES: Final = {
    "viewers": (1, 1e8),
    "frame_bytes": (100, 1e8),
    "fps": (0.1, 240),
    "client_cores": (1e-7, 1),
    "origin_cores": (0, 64),
    "relay_cores": (0, 64),
    "hop_ms": (0, 10_000),
    "link_ms": (0, 10_000),
    "cores": (1, 1024),
    "nic_gbit": (0.01, 1000),
    "utilisation": (0.05, 1),
    "price_per_gb": (0, 100),
}
"""Smallest and largest value that makes sense of every input."""
WIRE: Final = 1538 / 1448
"""Bytes on an Ethernet by bytes of payload: full frames of 1,500, TCP with time stamps."""
_MEASURED_FPS: Final = 30.0


class NonsenseError(ValueError):
    """An input for which there is no plan; says which and what would do."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the model starts from.

    Attributes:
        viewers: At once.
        frame_bytes: Of one part, headers included.
        fps: Frames per second that every viewer gets.
        client_cores: CPU that one more client costs a node, cores; a relay below is a client.
        origin_cores: CPU of the origin without clients: camera, encoder, services.
        relay_cores: CPU of a relay without clients.
        hop_ms: Age that a hop adds, median, without its link.
        link_ms: Delay of the link of a hop, one way.
        cores: Of each node.
        nic_gbit: Speed of each node's network card, each way.
        utilisation: Share of cores and card that is planned with; the rest is for bad days.
        price_per_gb: What a provider takes for a GB (10^9 bytes) that leaves, any currency.
    """

    viewers: int
    frame_bytes: float
    fps: float
    client_cores: float
    origin_cores: float
    relay_cores: float
    hop_ms: float
    link_ms: float = 0.0
    cores: float = 8
    nic_gbit: float = 10
    utilisation: float = 0.7
    price_per_gb: float = 0.0

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:  # which no NaN is
                raise NonsenseError(f"{name} is {value:g}; it must be from {least:g} to {most:g}")

    @property
    def stream_mbit(self) -> float:
        """Of one stream on the wire, Mbit/s."""
        return 8 * self.frame_bytes * self.fps * WIRE / 1e6


@dataclass(frozen=True, slots=True)
class Plan:
    """What the model says.

    Attributes:
        levels: Relays a frame passes on its way to a viewer; 0: the origin serves all.
        nodes: Of every level, the origin's (always 1) first, those that serve viewers last.
        per_node: Most viewers or relays that a relay serves.
        bound: What a node runs out of first: "cores" or "NIC".
        viewers_per_leaf: That the busiest leaf really has.
        leaf_cores: CPU the busiest leaf uses.
        leaf_mbit: What the busiest leaf sends, Mbit/s.
        total_cores: CPU all nodes use.
        total_gbit: What all nodes send, Gbit/s.
        added_ms: Age that the levels add, median, links included.
        gb_per_viewer_hour: What one viewer is sent in an hour, 10^9 bytes on the wire.
        price_per_hour: Of the last mile, for all viewers.
    """

    levels: int
    nodes: tuple[int, ...]
    per_node: int
    bound: str
    viewers_per_leaf: int
    leaf_cores: float
    leaf_mbit: float
    total_cores: float
    total_gbit: float
    added_ms: float
    gb_per_viewer_hour: float
    price_per_hour: float


def capacity(inputs: Inputs, base_cores: float) -> tuple[int, str]:
    """Most clients of a node, and what it runs out of first.

    Args:
        inputs: Of the model.
        base_cores: CPU of the node without clients.
    """
    spare_cores = inputs.utilisation * inputs.cores - base_cores
    by_cores = max(0, math.floor(spare_cores / inputs.client_cores))
    by_nic = math.floor(inputs.utilisation * 1e3 * inputs.nic_gbit / inputs.stream_mbit)
    return (by_cores, "cores") if by_cores <= by_nic else (by_nic, "NIC")


def plan(inputs: Inputs) -> Plan:
    """Work the tree out.

    Raises:
        NonsenseError: A node cannot even feed two others, so that no tree ever gets wide.
    """
    of_origin, origin_bound = capacity(inputs, inputs.origin_cores)
    of_relay, relay_bound = capacity(inputs, inputs.relay_cores)
    levels: list[int] = []
    served = inputs.viewers
    while served > of_origin:
        if min(of_origin, of_relay) < 2:  # noqa: PLR2004 - said in the message
            raise NonsenseError(
                f"a node can feed {min(of_origin, of_relay)} streams of "
                f"{inputs.stream_mbit:.1f} Mbit/s ({relay_bound} bound it); a tree needs 2 or more"
            )
        served = math.ceil(served / of_relay)
        levels.insert(0, served)
    relays = sum(levels)
    streams = inputs.viewers + relays
    leaf_base = inputs.relay_cores if levels else inputs.origin_cores
    per_leaf = math.ceil(inputs.viewers / (levels[-1] if levels else 1))
    gb_per_viewer_hour = inputs.stream_mbit * 3600 / 8 / 1e3
    return Plan(
        levels=len(levels),
        nodes=(1, *levels),
        per_node=of_relay if levels else of_origin,
        bound=relay_bound if levels else origin_bound,
        viewers_per_leaf=per_leaf,
        leaf_cores=leaf_base + per_leaf * inputs.client_cores,
        leaf_mbit=per_leaf * inputs.stream_mbit,
        total_cores=inputs.origin_cores
        + relays * inputs.relay_cores
        + streams * inputs.client_cores,
        total_gbit=streams * inputs.stream_mbit / 1e3,
        added_ms=len(levels) * (inputs.hop_ms + inputs.link_ms),
        gb_per_viewer_hour=gb_per_viewer_hour,
        price_per_hour=gb_per_viewer_hour * inputs.viewers * inputs.price_per_gb,
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured: costs of streams of these frames.

    Attributes:
        frame_bytes: Of one part of the measured streams.
        fps: Of them.
        client_cores: CPU that one more client costs.
        origin_cores: CPU of an origin with one client.
        relay_cores: CPU of a relay with one client.
        hop_ms: Age that a hop adds, median.
    """

    frame_bytes: float
    fps: float
    client_cores: float
    origin_cores: float
    relay_cores: float
    hop_ms: float

    def client_cores_of(self, frame_bytes: float, fps: float) -> float:
        """What a client of other frames costs: in proportion to frames per second and to bytes.

        Smaller frames are counted as if they cost what the measured ones do: a part has costs that
        do not shrink with it.
        """
        return self.client_cores * fps / self.fps * max(1.0, frame_bytes / self.frame_bytes)


def read_measured(bench: dict[str, Any], tree: dict[str, Any]) -> Measured:
    """Take what the model needs out of the two files of results.

    Args:
        bench: ``benchmarks/results/bench.json``; the streams are its 1080p30.
        tree: ``benchmarks/results/relay_tree.json``.

    Raises:
        NonsenseError: There are no rows of 1 and of 10 to 300 clients.
    """
    rows = bench["rows"]
    alone = find(rows, "clients", clients=1, workers=1)
    client_cores = cpu_slope(rows, "ours")
    if client_cores is None or not alone:
        raise NonsenseError("the rows of 1 and of 10 to 300 clients are missing: run make bench")
    return Measured(
        frame_bytes=1e3 * float(main_group(alone[0])["part_kb"]),
        fps=_MEASURED_FPS,
        client_cores=client_cores,
        origin_cores=cpu_total(alone[0]),
        relay_cores=float(tree["per_hop"]["relay_cores"]),
        hop_ms=float(tree["per_hop"]["added_ms"]["p50"]),
    )
