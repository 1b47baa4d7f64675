"""What cameras cost that are found and that nobody watches: prints a table, asserts nothing.

    .venv/bin/python -m benchmarks.discovered 1 16 64

An API with one worker discovers so many rings in a directory of its own, all written at 30 frames
per second by one further process. Told are the worker's CPU time by kind of thread, how late its
hub is, its open files and memory, what ``/cameras`` and ``/metrics`` take, and how long rings had
been there when the last one was listed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from benchmarks.processes import Child, free_port
from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.naming import segment_paths
from shared.publisher import Publisher
from shared.ring.writer import RingWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

FPS: Final = 30
SMALL: Final = Geometry(32, 24, PixelFormat.BGR24)
SETTLE_S: Final = 4.0
MEASURE_S: Final = 15.0
START_S: Final = 30.0
ASKED: Final = 20


def write(directory: Path, cameras: int) -> None:
    """Write so many rings, their frames spread evenly over time, until this process is ended."""
    with contextlib.ExitStack() as stack:
        rings = []
        for number in range(cameras):
            paths = segment_paths(f"camera{number:03}", directory)
            writer = stack.enter_context(RingWriter(paths, slots=4, reserve_bytes=0))
            rings.append((writer, stack.enter_context(Publisher(paths))))
        due_s = time.monotonic()
        while True:
            for writer, publisher in rings:
                slot = writer.begin(SMALL)
                publisher.publish(writer.commit(slot, MonotonicNs(time.monotonic_ns())))
                due_s += 1 / FPS / cameras
                time.sleep(max(0.0, due_s - time.monotonic()))


@dataclass(frozen=True, slots=True)
class Cost:
    """What was measured.

    Attributes:
        cameras: Found.
        listed_ms: From the last ring's first frame until ``/cameras`` had all, milliseconds.
        hub: CPU of the worker's main thread, cores.
        others: CPU of its other threads (ZeroMQ's, mostly), cores.
        late_ms: How late the hub was, 99th percentile.
        files: Open.
        memory_mb: Resident, not shared.
        cameras_ms: ``/cameras``, median.
        metrics_ms: ``/metrics``, median.
    """

    cameras: int
    listed_ms: float
    hub: float
    others: float
    late_ms: float
    files: int
    memory_mb: float
    cameras_ms: float
    metrics_ms: float


def measure(cameras: int) -> Cost:
    """Start everything, measure, end everything."""
    with running(cameras) as (url, worker, began_s):
        wait_for(lambda: len(ask(f"{url}/cameras")["cameras"]) == cameras + 1, 60.0)
        listed_s = time.time() - began_s
        time.sleep(SETTLE_S)
        before, started_s = threads(worker), time.monotonic()
        time.sleep(MEASURE_S)
        after, took_s = threads(worker), time.monotonic() - started_s
        spent = {thread: after[thread] - before.get(thread, 0.0) for thread in after}
        hub = spent.pop(worker.pid) / took_s
        status = ask(f"{url}/stream/camera000/status")
        memory = worker.memory_info()
        return Cost(
            cameras,
            listed_s * 1e3,
            hub,
            sum(spent.values()) / took_s,
            status["hub_late_ms"]["p99"],
            worker.num_fds(),
            (memory.rss - memory.shared) / 2**20,
            median_ms(f"{url}/cameras"),
            median_ms(f"{url}/metrics"),
        )


@contextlib.contextmanager
def running(cameras: int) -> Iterator[tuple[str, psutil.Process, float]]:
    """Yield the API's address, its worker, and when the last ring had its first frame (wall)."""
    with contextlib.ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="bench-", dir="/dev/shm"))
        stack.callback(shutil.rmtree, directory)
        port = free_port()
        settings = {
            "RINGCAST_VIDEO__SHARED_MEMORY_NAME": "default",
            "RINGCAST_VIDEO__SHARED_MEMORY_DIRECTORY": str(directory),
            "RINGCAST_API__PORT": str(port),
            "RINGCAST_API__WORKERS": "1",
            "RINGCAST_API__DISCOVER_CAMERAS": "true",
            "RINGCAST_LOGGING__LEVEL": "ERROR",
        }
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RINGCAST_")}
        log = stack.enter_context((directory / "log").open("ab"))
        conf = ["-m", "gunicorn", "-c", "services/api/gunicorn.conf.py"]
        api = Child([sys.executable, *conf], log, environment | settings)
        stack.callback(api.end)
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: bool(ask(f"{url}/cameras")), START_S)
        (worker,) = psutil.Process(api.process.pid).children()
        program = [sys.executable, "-m", "benchmarks.discovered", str(cameras)]
        writer = Child([*program, "--write", str(directory)], log)
        stack.callback(writer.end)
        last = directory / f"camera{cameras - 1:03}.ring"
        wait_for(last.exists, START_S)
        yield url, worker, last.stat().st_ctime


def threads(process: psutil.Process) -> dict[int, float]:
    """CPU seconds of each thread."""
    return {each.id: each.user_time + each.system_time for each in process.threads()}


def ask(url: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The document; None: nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5.0) as answer:  # noqa: S310 - our own
            return json.load(answer)
    except OSError:
        return None


def median_ms(url: str) -> float:
    """What an answer takes."""
    times = []
    for _ in range(ASKED):
        started_s = time.perf_counter()
        with urllib.request.urlopen(url, timeout=5.0) as answer:  # noqa: S310 - our own
            answer.read()
        times.append(time.perf_counter() - started_s)
    return sorted(times)[ASKED // 2] * 1e3


def wait_for(condition: Any, timeout_s: float) -> None:  # noqa: ANN401 - any question
    """Ask until the answer is yes.

    Raises:
        TimeoutError: It never was.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s in vain")
        time.sleep(0.02)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cameras", type=int, nargs="+", help="how many, one row each")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write is not None:
        write(asked.write, asked.cameras[0])
        return
    print(
        "| cameras | listed after | hub | other threads | late p99 | files | memory | /cameras "
        "| /metrics |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    for cameras in asked.cameras:
        cost = measure(cameras)
        print(
            f"| {cost.cameras} | {cost.listed_ms:.0f} ms | {cost.hub:.3f} | {cost.others:.3f} "
            f"| {cost.late_ms:.1f} ms | {cost.files} | {cost.memory_mb:.0f} MiB "
            f"| {cost.cameras_ms:.1f} ms | {cost.metrics_ms:.1f} ms |",
            flush=True,
        )


if __name__ == "__main__":
    main()
