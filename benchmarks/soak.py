"""Clients coming and going at random, slow ones among them: is the memory flat?

    make soak MINUTES=60        figures and plot to benchmarks/results/soak.json and soak.svg

Pictures are small (640x360), so that it can run beside other work. Every ten seconds memory, files,
threads and segments of all processes of ours are read. Flat is what grows by less than 2 % of
its mean in an hour, by a least-squares line through all samples after the first fifth, or
by less than the line's own uncertainty (two standard errors): then more minutes are needed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.analysis import line_through
from benchmarks.load import Group
from benchmarks.meters import memory_mb, segment_mb
from benchmarks.plots import draw_soak
from benchmarks.processes import BUILD, STREAM, Services, services
from benchmarks.report import RESULTS, table

SOURCE: Final = "pattern://640x360@30"
QUERIES: Final = ("", "?quality=50", "?width=320", "?fps=5", "?advance_headers=1")
WATCHED: Final = {
    "private_mb": "MB",
    "shared_mb": "MB",
    "segment_mb": "MB",
    "fds": "",
    "threads": "",
}
"""What must be flat, with its unit."""
_FLAT: Final = 0.02
_SLOW_SHARE: Final = 0.2
_LONGEST_STAY_S: Final = 40.0
_MOST_GROUPS: Final = 8
_SHORTEST_JUDGED_S: Final = 600.0
_HOUR_S: Final = 3600.0


class Crowd:
    """Groups of clients, each a load client of its own that stays for a while and then leaves."""

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, nothing to be kept secret
        self._present: dict[subprocess.Popen[bytes], int] = {}
        self.came = 0

    @property
    def size(self) -> int:
        """Clients that are there."""
        return sum(self._present.values())

    def stir(self) -> None:
        """Forget who has left; now and then let some in, or cut some off in the middle."""
        self._present = {child: n for child, n in self._present.items() if child.poll() is None}
        if len(self._present) < _MOST_GROUPS and self._chance.random() < 0.5:  # noqa: PLR2004
            self._let_in()
        elif self._present and self._chance.random() < 0.1:  # noqa: PLR2004
            self._chance.choice(list(self._present)).kill()

    def _let_in(self) -> None:
        slow = self._chance.random() < _SLOW_SHARE
        clients = self._chance.randint(1, 12)
        path = STREAM + self._chance.choice(QUERIES)
        group = Group("all", clients, path, rate=50_000 * slow, rcvbuf=8192 * slow)
        stay_s = self._chance.uniform(1.0, _LONGEST_STAY_S)
        command = [str(BUILD / "load_client"), "--port", str(self._port), "--warmup", "0"]
        command += ["--seconds", f"{stay_s:.1f}", "--group", group.argument()]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        self._present[child] = clients
        self.came += clients

    def leave(self) -> None:
        """Everybody at once."""
        for child in self._present:
            child.kill()
            child.wait()
        self._present = {}


def sample(running: Services, started_s: float, clients: int) -> dict[str, float]:
    """Everything that could grow, now."""
    pids = [running.video, *running.api_pids()]
    private, shared = memory_mb(pids)
    fds = threads = 0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            fds += process.num_fds()
            threads += process.num_threads()
    return {
        "at_s": round(time.monotonic() - started_s, 1),
        "clients": clients,
        "private_mb": round(private, 2),
        "shared_mb": round(shared, 2),
        "segment_mb": round(segment_mb(running), 2),
        "fds": fds,
        "threads": threads,
    }


def findings(samples: list[dict[str, float]]) -> list[list[str]]:
    """One line per thing watched: mean, change per hour with two standard errors, flat or not.

    Under ten minutes there is no verdict: what is filled once, caches and first variants, would
    look like growth.
    """
    judged = samples[-1]["at_s"] >= _SHORTEST_JUDGED_S
    settled = samples[len(samples) // 5 :]
    lines = []
    for key in WATCHED:
        points = [(one["at_s"], one[key]) for one in settled]
        rise, error = line_through(points)
        mean = sum(y for _, y in points) / max(1, len(points))
        per_hour, doubt = rise * _HOUR_S, 2 * error * _HOUR_S
        flat = per_hour <= max(_FLAT * mean, doubt)
        word = ("flat" if flat else "**not flat**") if judged else "too short to say"
        change = f"{per_hour:+.2f} ± {doubt:.2f}"
        lines.append([key, f"{mean:.1f}", change, word])
    return lines


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between samples")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every finally runs
    samples: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="ringcast_soak_") as folder:
        try:
            _soak(options, Path(folder) / "servers.log", samples)
        except KeyboardInterrupt:
            print("interrupted: what was measured so far")
    if len(samples) < 5:  # noqa: PLR2004 - no line without points
        sys.exit("too short to say anything")
    lines = findings(samples)
    print(f"\n{table(('what', 'mean', 'change per hour', ''), lines)}")
    document: dict[str, Any] = {"options": vars(options), "findings": lines, "samples": samples}
    path = RESULTS.with_name("soak.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document) + "\n", encoding="utf-8")
    draw_soak(samples, path.with_suffix(".svg"))


def _soak(options: argparse.Namespace, log: Path, samples: list[dict[str, float]]) -> None:
    with services(SOURCE, options.workers, log) as running:
        crowd = Crowd(running.port, options.seed)
        started_s = time.monotonic()
        try:
            while time.monotonic() - started_s < 60 * options.minutes:
                due_s = started_s + options.every * (len(samples) + 1)
                while time.monotonic() < due_s:
                    crowd.stir()
                    time.sleep(0.5)
                samples.append(sample(running, started_s, crowd.size))
                print(
                    "  ".join(f"{key} {value:g}" for key, value in samples[-1].items()), flush=True
                )
        finally:
            crowd.leave()
        print(f"{crowd.came} clients came")


if __name__ == "__main__":
    main()
