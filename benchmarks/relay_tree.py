"""A tree of relays on one machine: what a hop adds and costs, and how fast what breaks heals.

    .venv/bin/python -m benchmarks.relay_tree       as root, about four minutes

An origin, three relays, two more behind one of them, each in a network namespace; cables between
them with 20 ms, 1 % loss and 100 Mbit/s (``tests/support/relay_tree.py``). First with plain cables,
then with delay, then with all: ages at every node. Then a crowd on one relay, and one stream by
each congestion control. Then cables are cut and a relay is killed while a client on every node
checks each frame against the origin's. Nothing is asserted. Figures go to benchmarks/results and,
between its markers, to docs/scaling.md.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import machine
from benchmarks.processes import BUILD, CHECKOUT
from benchmarks.relay_faults import outages, summary
from benchmarks.relay_phases import crowd, per_hop, phase, transports
from benchmarks.relay_report import draw_relays, publish, relay_text
from benchmarks.report import RESULTS
from tests.support.leaves import Album, watching
from tests.support.mjpeg_client import get
from tests.support.namespaces import PLAIN, Shape
from tests.support.relay_tree import PARENTS, RelayTree

if TYPE_CHECKING:
    from benchmarks.relay_faults import Outage

CABLE: Final = Shape(delay_ms=20, loss_percent=1, rate_mbit=100)
PHASES: Final = {
    "plain": PLAIN,
    "delay": Shape(delay_ms=CABLE.delay_ms, rate_mbit=CABLE.rate_mbit),
    "delay and loss": CABLE,
}
LOSSES: Final = (PHASES["delay"], Shape(20, 0.1, 100), CABLE)
_CROWD: Final = 40


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", default="pattern://960x540@30", help="of the origin")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each window")
    parser.add_argument("--times", type=int, default=3, help="of each fault")
    parser.add_argument("--output", type=Path, help="folder; default: published")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("relay_tree: network namespaces need root")
    client = (BUILD / "load_client").relative_to(CHECKOUT)
    subprocess.run(["make", "-s", client], cwd=CHECKOUT, check=True)  # noqa: S607 - as the Makefile
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every finally runs
    document: dict[str, Any] = {"machine": machine.describe(), "source": options.source}
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ringcast_tree_") as temporary:
        document |= measured(Path(temporary), options)
    document["cable"] = asdict(CABLE)
    document["took_s"] = round(time.monotonic() - began_s, 1)
    folder = options.output or RESULTS.parent
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "relay_tree.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    draw_relays(document, path.with_suffix(".svg"))
    print(relay_text(document))
    if options.output is None:
        publish(document)


def measured(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run the tree through all of it; what it said, as plain data."""
    segment = f"bench_{secrets.token_hex(4)}"
    with RelayTree(folder, segment, options.source, PLAIN, show_logs=False) as tree:
        phases = [phase(tree, name, shape, options.seconds) for name, shape in PHASES.items()]
        tree.shape(PLAIN)
        crowded = crowd(tree, "b", _CROWD, options.seconds)
        sent = transports(tree, "c", LOSSES, options.seconds)
        tree.shape(CABLE)
        album = Album()
        with watching(tree, album) as clients:
            found: list[Outage] = []
            for outage in outages(tree, clients, options.times):
                print(f"{outage.kind}: back after {outage.back_s} s", flush=True)
                found.append(outage)
            backwards = [words for client in clients.values() for words in client.backwards]
        clocks = {name: clock(tree, name) for name in PARENTS}
    return {
        "phases": phases,
        "crowd": crowded,
        "transports": sent,
        "per_hop": per_hop(phases[0], crowded),
        "faults": summary(found),
        "frames": {
            "compared": album.compared,
            "wrong": len(album.wrong),
            "backwards": len(backwards),
            "complaints": [*album.wrong, *backwards][:5],
        },
        "clocks": clocks,
    }


def clock(tree: RelayTree, name: str) -> dict[str, Any]:
    """What a relay believes of the origin's clock, which here is its own: 0 is right."""
    node = tree.nodes[name]
    with node.node.inside():
        _, _, body = get(f"{node.url}/status")
    told = json.loads(body)["relay"]
    return {key: told[key] for key in ("clock_offset_ms", "clock_uncertainty_ms")}


if __name__ == "__main__":
    main()
