"""Measures what many cameras cost: ``python -m benchmarks.cameras``, about two minutes.

One Video Module per camera, run by the supervisor, 16 cameras of 720p30 with the test pattern: how
many frames come from each, what all Video Modules together take of the CPU and of memory, and what
the API takes when every camera is watched. One camera alone is measured first in the same run, so
that the rest can be read as its multiples, whatever the machine.

It is no test: nothing is asserted. Figures go to benchmarks/results/cameras.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from benchmarks import machine
from benchmarks.camera_site import SLOTS, SOURCE, Window, site
from benchmarks.load import Group, run_load
from benchmarks.processes import BUILD, CHECKOUT
from services.video.sources.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["clients_of", "main"]

RESULT: Final = CHECKOUT / "benchmarks" / "results" / "cameras.json"
_FAULTS: Final = ("closed_by_server", "connect_errors", "bad_answers", "bad_parts")
_WALL: Final = "width=320&fps=10"
"""A page that shows all cameras at once: small and not too often."""


def _unwatched(count: int, warmup_s: float, seconds: float) -> dict[str, Any]:
    with site(count) as running:
        window = Window(running)
        time.sleep(warmup_s)
        window()
        time.sleep(seconds)
        window()
        return window.result()


def _watched(
    count: int, query: str, warmup_s: float, seconds: float, source: str = SOURCE
) -> dict[str, Any]:
    with site(count, source=source, with_api=True) as running:
        window = Window(running)
        groups = [
            Group(name, 1, f"/stream/{name}{'?' if query else ''}{query}")
            for name in running.cameras
        ]
        report = run_load(("127.0.0.1", running.port), groups, warmup_s, seconds, window)
        return window.result() | {"query": query, "clients": clients_of(report)}


def _watched_jpegs(count: int, warmup_s: float, seconds: float) -> dict[str, Any]:
    """Cameras that give JPEG, played by a file of the test pattern's pictures."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder, "clip.avi")
        write_clip(clip, frames=60)
        return _watched(count, "", warmup_s, seconds, str(clip))


def write_clip(path: Path, frames: int) -> None:
    """Write the test pattern as an MJPEG file, 720p30.

    Args:
        path: Of the file.
        frames: How many.
    """
    scene, image = Scene(1280, 720, "Ringcast benchmark"), np.empty((720, 1280, 3), np.uint8)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (1280, 720))
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, 85)
    for number in range(frames):
        scene.draw(image, number, time.time_ns(), number / 30)
        writer.write(image)
    writer.release()


def clients_of(report: dict[str, Any]) -> dict[str, Any]:
    """What the clients of all cameras together saw; ages and rates of the worst among them.

    Args:
        report: The load client's, one group of one client for each camera.
    """
    groups, seconds = report["groups"], report["window_s"]
    fps = sorted(sum(group["frames"]) / seconds for group in groups)
    ages = [group["age_ms"] for group in groups if group["age_ms"]["count"]]
    return {
        "fps_lowest": round(fps[0], 2),
        "fps_mean": round(sum(fps) / len(fps), 2),
        "mbit_per_s": round(sum(sum(group["bytes"]) for group in groups) * 8e-6 / seconds, 2),
        "age_ms_worst": {key: max(age[key] for age in ages) for key in ("p50", "p95", "p99")},
        "faults": sum(report[key] for key in _FAULTS),
        "client_cores": report["cpu_cores"],
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cameras", type=int, default=16, help="at most 16, one group of clients")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measured window")
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    build = ["make", "-s", f"{BUILD.relative_to(CHECKOUT)}/load_client"]
    subprocess.run(build, cwd=CHECKOUT, check=True)
    document: dict[str, Any] = {"machine": machine.describe(), "source": SOURCE, "slots": SLOTS}
    count, warmup_s, seconds = options.cameras, 3.0, options.seconds
    cases: dict[str, Callable[[], dict[str, Any]]] = {
        "one": partial(_unwatched, 1, warmup_s, seconds),
        "all": partial(_unwatched, count, warmup_s, seconds),
        "wall": partial(_watched, count, _WALL, warmup_s, seconds),
        "full": partial(_watched, count, "", warmup_s, seconds),
        "jpegs": partial(_watched_jpegs, count, warmup_s, seconds),
    }
    for name, measure in cases.items():
        document[name] = measure()
        print(name, json.dumps(document[name]), flush=True)
    document["videos_per_one"] = round(
        document["all"]["cores"]["videos"] / document["one"]["cores"]["videos"], 2
    )
    options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
