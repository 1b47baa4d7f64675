"""Tables out of rows: to the terminal, and into docs/performance.md between its markers.

.venv/bin/python -m benchmarks.report      writes document and plots anew from results/bench.json
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.analysis import Row, cpu_total, noise, quiet
from benchmarks.plots import draw_all
from benchmarks.verdicts import verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HEADINGS", "cells", "filled", "publish", "table", "texts"]

CHECKOUT: Final = Path(__file__).resolve().parents[1]
DOCUMENT: Final = CHECKOUT / "docs" / "performance.md"
RESULTS: Final = CHECKOUT / "benchmarks" / "results" / "bench.json"
HEADINGS: Final = (
    *("case", "server", "workers", "clients", "min fps", "median fps", "video CPU", "server CPU"),
    *("mcore/client", "GB/s", "age p50", "p95", "p99", "max", "skipped", "private MB"),
    *("segments MB", "client CPU", "other CPU"),
)


def cells(row: Row) -> list[list[str]]:
    """The lines of one row, one per kind of client, in the order of ``HEADINGS``."""
    server_cpu = row["cpu"].get("api", row["cpu"].get("server", 0.0))
    lines = []
    for name, group in (row["groups"] or {"": {}}).items():
        case = row["case"] if len(row["groups"]) < 2 else f"{row['case']}: {name}"  # noqa: PLR2004
        age = group.get("age_ms") or {}
        clients = group.get("clients", 0)
        lines.append(
            [
                *(case, row["server"], str(row["workers"] or "-"), str(clients)),
                *(_number(group.get(key), 1) for key in ("fps_min", "fps_median")),
                *(_number(row["cpu"].get("video"), 2), _number(server_cpu, 3)),
                _number(1000 * cpu_total(row) / row["clients"] if row["clients"] else None, 2),
                _number(group.get("gb_per_s"), 2),
                *(_number(age.get(key), 1) for key in ("p50", "p95", "p99", "max")),
                str(group.get("skipped", "-")),
                _number(row["private_mb"].get("api", row["private_mb"].get("server")), 0),
                _number(row["segment_mb"] or None, 0),
                *(_number(row[key], 2) for key in ("client_cpu", "elsewhere_cpu")),
            ]
        )
    return lines


def table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, padded so that a terminal shows it as one."""
    widths = [max(map(len, column)) for column in zip(headings, *lines, strict=True)]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in (headings, rule, *lines)
    )


def texts(document: dict[str, Any]) -> dict[str, str]:
    """What stands between each pair of markers.

    Args:
        document: As ``bench.py`` writes it: "machine", "rows", "took_s".
    """
    rows = document["rows"]
    judged = [[v.target, v.limit, v.measured, v.word] for v in verdicts(rows)]
    return {
        "machine": _machine(document),
        "verdicts": table(("target", "limit", "measured", ""), judged),
        "rows": table(HEADINGS, [line for row in rows for line in cells(row)]),
    }


def filled(text: str, parts: dict[str, str]) -> str:
    """Put each part between ``<!-- bench:NAME -->`` and ``<!-- bench:end -->``.

    Raises:
        ValueError: A pair of markers is missing.
    """
    for name, part in parts.items():
        begin, end = f"<!-- bench:{name} -->\n", "<!-- bench:end -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"the markers of {name} are missing")
        text = f"{before}{begin}\n{part}\n\n{end}{after}"
    return text


def publish(document: dict[str, Any]) -> None:
    """Write the figures into docs/performance.md."""
    text = filled(DOCUMENT.read_text(encoding="utf-8"), texts(document))
    DOCUMENT.write_text(text, encoding="utf-8")


def _machine(document: dict[str, Any]) -> str:
    machine, rows = document["machine"], document["rows"]
    spread = noise(rows)
    versions = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    others = [row["elsewhere_cpu"] for row in rows]
    differ = _number(None if spread is None else 100 * spread, 0)
    hardware = f"{machine['cores']} cores, {machine['model']}, {machine['memory_gb']} GB"
    lines = [
        f"{hardware}, {machine['architecture']}; Linux {machine['kernel']}",
        f"Python {machine['python']}, {versions}",
        f"{machine['date']}, commit {machine['commit']}; the run took {document['took_s']:.0f} s",
        f"load average before it {machine['load_average_at_start']}",
        f"other processes used {statistics.median(others):.2f} core (median of the rows)",
        f"repeats of the ideal sender differ by {differ} % at most",
    ]
    if not quiet(rows):
        lines.append("**Others ran beside, or repeats differ by over 10 %: read ratios only.**")
    return "\n".join(f"- {line}" for line in lines)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def main() -> None:
    """The document and its plots anew, from the figures of the last whole run."""
    document = json.loads(RESULTS.read_text(encoding="utf-8"))
    draw_all(document["rows"], RESULTS.parent)
    publish(document)


if __name__ == "__main__":
    main()
