"""Measures what a client costs, beside the least it can cost and what it costs elsewhere.

    make bench          under 10 minutes; figures and plots to benchmarks/results and the document
    make bench-quick    under 90 s; to benchmarks/results/quick

It is no test: a missed target is said and changes nothing about how the run ends.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import machine, report
from benchmarks.analysis import quiet
from benchmarks.plan import FULL, QUICK, run_plan
from benchmarks.plots import draw_all

if TYPE_CHECKING:
    from benchmarks.measure import Row

_BUSY_LOAD: Final = 0.5


class Telling:
    """Prints each row when it comes, in columns as wide as their headings, and keeps it."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._widths = [max(len(heading), 6) for heading in report.HEADINGS]
        self._widths[0] = 18
        self._print(report.HEADINGS)

    def __call__(self, row: Row) -> None:
        """One row."""
        self.rows.append(row.as_json())
        for line in report.cells(self.rows[-1]):
            self._print(line)
        if row.errors:
            print(f"    errors: {row.errors}", flush=True)

    def _print(self, line: list[str] | tuple[str, ...]) -> None:
        padded = (cell.rjust(width) for cell, width in zip(line, self._widths, strict=True))
        print("  ".join(padded), flush=True)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a subset, under 90 s")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every finally runs
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    described = machine.describe()
    if os.getloadavg()[0] > _BUSY_LOAD:
        print(f"warning: the machine is busy, load average {os.getloadavg()[0]:.2f}")
    telling = Telling()
    with tempfile.TemporaryDirectory(prefix="ringcast_bench_") as folder:
        try:
            took_s = run_plan(QUICK if options.quick else FULL, Path(folder), telling)
        except KeyboardInterrupt:
            sys.exit(130)
        log = (Path(folder) / "servers.log").read_text(encoding="utf-8", errors="replace")
    _finish({"machine": described, "took_s": took_s, "rows": telling.rows}, log, options)


def _finish(document: dict[str, Any], log: str, options: argparse.Namespace) -> None:
    folder = report.RESULTS.parent / "quick" if options.quick else report.RESULTS.parent
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1) + "\n"
    (folder / report.RESULTS.name).write_text(text, encoding="utf-8")
    draw_all(document["rows"], folder)
    parts = report.texts(document)
    if not options.quick:
        report.publish(document)
    print(f"\n{parts['machine']}\n\n{parts['verdicts']}\n")
    if log.strip():
        print(f"the servers said:\n{log[-2000:]}")
    if not quiet(document["rows"]):
        print("warning: the machine was not quiet; do not publish these figures")
    print(f"written to {folder.relative_to(report.CHECKOUT)}")


if __name__ == "__main__":
    main()
