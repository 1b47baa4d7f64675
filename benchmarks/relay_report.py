"""A tree of relays in words and as a picture: ages by hop, and how long what broke took to heal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import StrMethodFormatter

from benchmarks.plots import STYLE, save
from benchmarks.report import CHECKOUT, filled, table
from tests.support.relay_tree import PARENTS

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["draw_relays", "publish", "relay_text"]

DOCUMENT: Final = CHECKOUT / "docs" / "scaling.md"
_NAMES: Final = ("origin", *PARENTS)
_COLORS: Final = {"plain": "#5b8c2a", "delay": "#0b62a8", "delay and loss": "#c4501b"}
_AGE_HEADINGS: Final = (
    *("cables", "node", "reads from", "fps", "age p50", "p99", "its parent, same cable: p50"),
    *("p99", "hop adds: p50", "p99"),
)
_FAULT_HEADINGS: Final = (
    *("fault, on the cable to a or a itself", "times", "back after: p50, s", "longest, s"),
    *("of that until a had frames, s", "others: longest gap, s", "others: cut"),
)
_SENT_HEADINGS: Final = ("congestion control", "loss", "fps of 30", "age p50, ms", "p99")


def publish(document: dict[str, Any]) -> None:
    """Write the figures into docs/scaling.md."""
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(filled(text, {"relays": relay_text(document)}), encoding="utf-8")


def relay_text(document: dict[str, Any]) -> str:
    """All that was measured, as Markdown.

    Args:
        document: As ``relay_tree.py`` writes it.
    """
    return "\n\n".join(
        (
            table(("what", "measured", "target"), _findings(document)),
            table(_AGE_HEADINGS, _ages(document)),
            table(_FAULT_HEADINGS, [_fault(line) for line in document["faults"]]),
            table(_SENT_HEADINGS, [_sent(line) for line in document["transports"]]),
            _circumstances(document),
        )
    )


def _findings(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    hop, crowd, frames = document["per_hop"], document["crowd"], document["frames"]
    added, cable = hop["added_ms"], crowd["cable_mbit"]
    cut_s, killed_s = (
        max(
            (
                line["back_s"]["max"]
                for line in document["faults"]
                if bool(line["ready_s"]) is killed
            ),
            default=0.0,
        )
        for killed in (False, True)
    )
    offsets = [abs(clock["clock_offset_ms"]) for clock in document["clocks"].values()]
    doubts = [clock["clock_uncertainty_ms"] for clock in document["clocks"].values()]
    payload = f"{cable / crowd['stream_mbit']:.2f} x the payload of one stream"
    checked = f"{frames['wrong']} of {frames['compared']:,}, {frames['backwards']} backwards"
    believed = f"{max(offsets):.2f} ms off at most, said to be within {max(doubts):.1f} ms"
    return [
        ("age a hop adds, p50", f"{added['p50']:.1f} ms", "≤ 3 ms"),
        ("age a hop adds, p99", f"{added['p99']:.1f} ms", "-"),
        ("longest recovery of any node from a cut", f"{cut_s:.2f} s", "< 2 s"),
        ("from a killed relay, since its start was asked for", f"{killed_s:.2f} s", "< 2 s"),
        ("wrong frames while things broke", checked, "0"),
        ("a relay with one client", f"{hop['relay_cores']:.3f} core", "-"),
        ("a further client", f"{1e3 * hop['client_cores']:.2f} millicores", "-"),
        (
            f"cable of a relay with {crowd['clients']} clients",
            f"{cable:.1f} Mbit/s, {payload}",
            "1",
        ),
        ("what relays believe of the origin's clock", believed, "0 is right here"),
    ]


def _circumstances(document: dict[str, Any]) -> str:
    machine, cable = document["machine"], document["cable"]
    return (
        f"The origin shows `{document['source']}`; *delay* is {cable['delay_ms']:g} ms each way at "
        f"{cable['rate_mbit']:g} Mbit/s, *loss* {cable['loss_percent']:g} % of packets. "
        f"{machine['cores']} cores, {machine['model']}; Linux {machine['kernel']}; "
        f"{machine['date']}, commit {machine['commit']}; load average before it "
        f"{machine['load_average_at_start']}; the run took {document['took_s']:.0f} s."
    )


def _ages(document: dict[str, Any]) -> list[list[str]]:
    lines = []
    for phase in document["phases"]:
        for name in _NAMES:
            node = phase["nodes"][name]
            own, direct = node["own"], node.get("direct")
            line = [phase["name"], name, PARENTS.get(name, "-"), f"{own['fps_min']:.1f}"]
            line += [f"{own['age_ms'][key]:.1f}" for key in ("p50", "p99")]
            if direct:
                pairs = [(own["age_ms"][key], direct["age_ms"][key]) for key in ("p50", "p99")]
                line += [f"{parents:.1f}" for _, parents in pairs]
                line += [f"{ours - parents:.1f}" for ours, parents in pairs]
            lines.append(line + ["-"] * (len(_AGE_HEADINGS) - len(line)))
    return lines


def _sent(line: dict[str, Any]) -> list[str]:
    age = [f"{line['age_ms'][key]:.0f}" for key in ("p50", "p99")]
    return [line["control"], f"{line['loss_percent']:g} %", f"{line['fps']:.1f}", *age]


def _fault(line: dict[str, Any]) -> list[str]:
    return [
        *(line["kind"], str(line["times"])),
        *(f"{line['back_s'][key]:.2f}" for key in ("p50", "max")),
        f"{line['ready_s']:.2f}" if line["ready_s"] else "-",
        f"{line['others_gap_s']:.2f}",
        str(line["others_cut"]),
    ]


def draw_relays(document: dict[str, Any], path: Path) -> None:
    """Draw ages by node and recoveries by fault.

    Args:
        document: As ``relay_tree.py`` writes it.
        path: Of the SVG file.
    """
    style: dict[Any, Any] = {**STYLE, "figure.figsize": (7.0, 7.6), "font.size": 10}
    with mpl.rc_context(style):
        figure, (ages, faults) = plt.subplots(2, layout="constrained")
        for index, phase in enumerate(document["phases"]):
            places = [place + 0.25 * (index - 1) for place in range(len(_NAMES))]
            found = [phase["nodes"][name]["own"]["age_ms"] for name in _NAMES]
            color = _COLORS[phase["name"]]
            ages.bar(places, [age["p50"] for age in found], 0.22, color=color, label=phase["name"])
            above = [[0.0] * len(found), [age["p99"] - age["p50"] for age in found]]
            ages.errorbar(
                places, [age["p50"] for age in found], above, fmt="none", ecolor="black", capsize=3
            )
        ages.set_xticks(range(len(_NAMES)), [_label(name) for name in _NAMES])
        ages.set(ylabel="age at the node's client (ms)", title="Age by hop: p50, whisker to p99")
        ages.legend(loc="upper left")
        kinds = document["faults"]
        for row, line in enumerate(kinds):
            back_s = [seconds for each in line["each"] for seconds in each["back_s"].values()]
            faults.plot(back_s, [row] * len(back_s), "o", color="#0b62a8", alpha=0.6)
        faults.axvline(2.0, color="#c4501b", linestyle="--", linewidth=1.0)
        faults.set_yticks(range(len(kinds)), [line["kind"] for line in kinds])
        faults.set(
            xlim=(0, None),
            ylim=(-0.5, len(kinds) - 0.5),
            xlabel="seconds from the repair to the next new frame",
            title="What broke comes back (dashed: the target)",
        )
        faults.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        save(figure, path)


def _label(name: str) -> str:
    parent = PARENTS.get(name)
    return name if parent is None else f"{name}\nof {parent}"
