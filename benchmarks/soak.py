"""A day of running in an hour: is everything flat, and is everybody served, whatever happens?

    make soak DURATION=1h       30s, 3m, 1h; 1h is the default and what is published

Clients come and go at random, slow ones, ones that abort and ones of adaptive quality among them;
snapshots, status and pages are asked for all the time. The Video Module is ended, killed and
paused, a worker of the API is killed now and then, the API is reloaded (``soak_events.py``). Four
steady clients watch all of it, come back when they are cut off, and check what they see
(``soak_steady.py``). What must be flat and how that is judged stands in ``soak_verdicts.py`` and
``soak_service.py``; whatever fails is named in a table, and the exit code is 1.

Pictures are small (640x360), so that it can run beside other work. An hour or more goes to
benchmarks/results (soak.json, soak.svg), what is shorter to artifacts/, unless --output says else.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks.machine import describe
from benchmarks.processes import CHECKOUT, services
from benchmarks.report import RESULTS, table
from benchmarks.soak_plot import draw_soak
from benchmarks.soak_run import Record, soak
from benchmarks.soak_samples import LEVELS, columns
from benchmarks.soak_service import judged_ages, judged_counts, judged_outages, judged_rates
from benchmarks.soak_verdicts import Finding, judged_processes, judged_rest, judged_segments

SOURCE_FPS: Final = 30
SOURCE: Final = f"pattern://640x360@{SOURCE_FPS}"
PUBLISHED_SAMPLES: Final = 500
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_HOUR_S: Final = 3600.0


def seconds(text: str) -> float:
    """Read a duration such as 30s, 3m or 1h.

    Raises:
        argparse.ArgumentTypeError: It is none, or shorter than the 30 s that every event needs.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    duration_s = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not match or duration_s < 30:  # noqa: PLR2004 - said in the message
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a duration of at least 30s, such as 30s, 3m or 1h"
        )
    return duration_s


def main() -> None:
    """Run, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--duration", type=seconds, default=seconds("1h"), help="30s, 3m, 1h")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="folder for soak.json and soak.svg")
    options = parser.parse_args()
    published = options.duration >= _HOUR_S
    folder = options.output or (RESULTS.parent if published else CHECKOUT / "artifacts")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every finally runs
    folder.mkdir(parents=True, exist_ok=True)
    record = Record(options.duration)
    with tempfile.TemporaryDirectory(prefix="ringcast_soak_") as temporary:
        log = Path(temporary) / "servers.log"
        interrupted = False
        try:
            with services(SOURCE, options.workers, log) as running:
                soak(running, record, options.seed)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            shutil.copy(log, folder / "soak.log")
        said = log.read_text(encoding="utf-8", errors="replace")
    record.zero["tracebacks in the log"] = (said.count("Traceback"), len(said.splitlines()))
    if interrupted:
        sys.exit("interrupted: nothing is judged")
    findings, outages = judged(record)
    _publish(record, findings, outages, folder)
    sys.exit(0 if all(finding.good for finding in findings) else 1)


def judged(record: Record) -> tuple[list[Finding], dict[str, list[float]]]:
    """Every finding, and how long clients were without live frames by kind of event, seconds."""
    arrivals = [[at_s - record.started_s for at_s in client.arrivals_s] for client in record.steady]
    outages, by_kind = judged_outages(arrivals, record.events, record.ended_s)
    slowest = [min(sample.fps) for sample in record.samples if sample.fps]
    findings = [
        *judged_processes(record.samples, LEVELS),
        *judged_segments(record.samples),
        *judged_rest(*record.rest),
        *outages,
        judged_ages([age for client in record.steady for age in client.ages_ms]),
        judged_rates(slowest, SOURCE_FPS),
        *judged_counts(record.zero),
    ]
    left = ", ".join(record.left_behind) or "nothing"
    findings.append(Finding("left in /dev/shm", left, "nothing", not record.left_behind))
    return findings, by_kind


def _publish(
    record: Record, findings: list[Finding], outages: dict[str, list[float]], folder: Path
) -> None:
    lines = [[one.what, one.measured, one.allowed, one.word] for one in findings]
    print(f"\n{table(('what', 'measured', 'allowed', ''), lines)}\n")
    print("  ".join(f"{name}: {count}" for name, count in record.counts.items()))
    series = columns(record.samples, PUBLISHED_SAMPLES)
    document: dict[str, Any] = {
        "machine": describe(),
        "duration_s": record.duration_s,
        "findings": lines,
        "counts": record.counts,
        "events": [asdict(event) for event in record.events],
        "outages_s": {kind: [round(gap, 3) for gap in gaps] for kind, gaps in outages.items()},
        "columns": series,
    }
    path = folder / "soak.json"
    path.write_text(json.dumps(document) + "\n", encoding="utf-8")
    draw_soak(series, record.events, path.with_suffix(".svg"))
    print(f"{path} and {path.with_suffix('.svg')}")


if __name__ == "__main__":
    main()
