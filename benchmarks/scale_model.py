"""A model, not a measurement: what a tree of relays takes for 10,000 or 100,000 viewers.

    .venv/bin/python -m benchmarks.scale_model --viewers 10000 100000 --price-per-gb 0.01

What it starts from is measured (benchmarks/results/bench.json and relay_tree.json) or given; both
are printed with the result, and so is what it assumes. With --publish, and arguments of its own, it
writes docs/scaling.md between its markers and benchmarks/results/scale.svg.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.report import CHECKOUT, RESULTS, filled, table
from benchmarks.scale_cameras import cameras_text
from benchmarks.scale_plan import WIRE, Inputs, NonsenseError, plan, read_measured
from benchmarks.scale_plot import draw_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.scale_plan import Measured

__all__ = ["DOCUMENT", "PUBLISHED", "RELAYS", "main", "model_text"]

DOCUMENT: Final = CHECKOUT / "docs" / "scaling.md"
PUBLISHED: Final = ("--price-per-gb", "0.01", "--link-ms", "20")
"""Arguments of what docs/scaling.md holds."""
RELAYS: Final = RESULTS.with_name("relay_tree.json")
_VIEWERS: Final = (1_000, 10_000, 100_000)
_NICS_GBIT: Final = (1.0, 10.0, 25.0)
_HEADINGS: Final = (
    *("viewers", "NIC, Gbit/s", "levels", "nodes", "viewers per leaf", "bound by"),
    *("cores per leaf", "leaf sends, Gbit/s", "cores, all", "Gbit/s, all", "added age, ms"),
    *("last mile, GB/hour", "price per hour"),
)
_ASSUMED: Final = """\
- One API worker per core, and workers share clients evenly: measured up to 2 workers and 1,000
  clients.
- A client over a network card costs what one over the loopback costs: there the sender pays for
  the receiver's side too, here for the card's driver; neither was measured apart.
- A relay costs its parent what a client costs.
- A client's cost is in proportion to frames per second, and to bytes above {kilobytes:.0f} kB a
  frame; smaller frames are not counted cheaper.
- Everybody watches one variant of one camera; each further one costs every node a stream or an
  encode.
- Nodes that feed relays serve no viewers, and all nodes are alike.
- No node fails. The viewers of one that does go to the others: the share planned with leaves
  room."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Read, work out, print.

    Args:
        arguments: Of the command line; None: the real ones.
    """
    options = _parser().parse_args(arguments)
    if options.publish:
        options = _parser().parse_args([*PUBLISHED, "--publish"])
    try:
        text, inputs = _worked_out(options)
    except NonsenseError as error:
        sys.exit(f"scale_model: {error}")
    except FileNotFoundError as error:
        sys.exit(f"scale_model: {error.filename} is missing: run make bench, benchmarks.relay_tree")
    print(text)
    if options.publish:
        draw_scale(inputs[0], _NICS_GBIT, RESULTS.with_name("scale.svg"))
        parts = {"model": text}
        cameras = RESULTS.with_name("cameras.json")
        if cameras.exists():
            parts["cameras"] = cameras_text(_json(cameras))
        page = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(filled(page, parts), encoding="utf-8")


def _worked_out(options: argparse.Namespace) -> tuple[str, list[Inputs]]:
    measured = read_measured(_json(options.bench), _json(options.relay_tree))
    frame_kb, fps = options.frame_kb, options.fps
    frame_bytes = measured.frame_bytes if frame_kb is None else 1e3 * frame_kb
    fps = measured.fps if fps is None else fps
    inputs = [
        Inputs(
            viewers=viewers,
            frame_bytes=frame_bytes,
            fps=fps,
            client_cores=measured.client_cores_of(frame_bytes, fps),
            origin_cores=measured.origin_cores,
            relay_cores=measured.relay_cores,
            hop_ms=measured.hop_ms,
            link_ms=options.link_ms,
            cores=options.cores,
            nic_gbit=nic_gbit,
            utilisation=options.utilisation,
            price_per_gb=options.price_per_gb,
        )
        for viewers in options.viewers
        for nic_gbit in options.nic_gbit
    ]
    return model_text(measured, inputs), inputs


def model_text(measured: Measured, inputs: Sequence[Inputs]) -> str:
    """The inputs, the assumptions and what follows, as Markdown.

    Args:
        measured: What the costs in ``inputs`` come from.
        inputs: Of each line; they differ in viewers and network cards only.
    """
    one = inputs[0]
    given = (
        ("frame", f"{one.frame_bytes / 1e3:.1f} kB at {one.fps:g} fps", "bench.json, or given"),
        ("stream on the wire", f"{one.stream_mbit:.1f} Mbit/s", f"payload x {WIRE:.3f}"),
        ("a client", f"{1e3 * one.client_cores:.2f} millicores", "bench.json: slope, 10 to 300"),
        ("the origin itself", f"{one.origin_cores:.2f} core", "bench.json: 1 client, encoder too"),
        ("a relay itself", f"{one.relay_cores:.2f} core", "relay_tree.json"),
        ("a hop", f"{one.hop_ms:.1f} ms of age", "relay_tree.json: median, its link apart"),
        ("a link", f"{one.link_ms:g} ms, one way", "given"),
        ("a node", f"{one.cores:g} cores", "given"),
        ("planned with", f"{100 * one.utilisation:.0f} % of cores and card", "given"),
        ("price", f"{one.price_per_gb:g} per GB", "given; any currency"),
    )
    lines = [
        "**A model.** Nothing below this line was run; it is worked out from these inputs:",
        table(("input", "value", "from"), given),
        "Assumed:",
        _ASSUMED.format(kilobytes=measured.frame_bytes / 1e3),
        table(_HEADINGS, [_line(each) for each in inputs]),
    ]
    return "\n\n".join(lines)


def _line(inputs: Inputs) -> tuple[str, ...]:
    found = plan(inputs)
    each = " + ".join(f"{nodes:,}" for nodes in found.nodes)
    return (
        f"{inputs.viewers:,}",
        f"{inputs.nic_gbit:g}",
        str(found.levels),
        f"{sum(found.nodes):,} = {each}" if found.levels else "1",
        f"{found.viewers_per_leaf:,}",
        found.bound,
        f"{found.leaf_cores:.2f}",
        f"{found.leaf_mbit / 1e3:.2f}",
        f"{found.total_cores:,.0f}",
        f"{found.total_gbit:,.0f}",
        f"{found.added_ms:.0f}",
        f"{found.gb_per_viewer_hour * inputs.viewers:,.0f}",
        f"{found.price_per_hour:,.0f}",
    )


def _json(path: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return document


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--viewers", type=int, nargs="+", default=_VIEWERS, help="at once")
    add("--nic-gbit", type=float, nargs="+", default=_NICS_GBIT, help="of a node, Gbit/s")
    add("--cores", type=float, default=8, help="of a node")
    add("--utilisation", type=float, default=0.7, help="of cores and card planned with, 0.05 to 1")
    add("--frame-kb", type=float, help="default: as measured")
    add("--fps", type=float, help="default: as measured")
    add("--link-ms", type=float, default=0.0, help="delay of a link between nodes, one way")
    add("--price-per-gb", type=float, default=0.0, help="of what leaves, 10^9 bytes")
    add("--bench", type=Path, default=RESULTS)
    add("--relay-tree", type=Path, default=RELAYS)
    add("--publish", action="store_true", help="as above, to docs/scaling.md and scale.svg")
    return parser


if __name__ == "__main__":
    main()
