"""Many cameras under one supervisor, and what they take while somebody looks at the clock."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from benchmarks.meters import busy_cores_s, cpu_s
from benchmarks.processes import SEGMENTS, Child, free_port
from shared.errors import RingcastError
from shared.naming import segment_paths
from shared.ring.reader import RingReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["SLOTS", "SOURCE", "Site", "Window", "pss_mb", "site"]

SOURCE: Final = "pattern://1280x720@30"
SLOTS: Final = 4
_START_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class Site:
    """A supervisor and what it runs.

    Attributes:
        cameras: Their names, which are those of their segments.
        port: Of the API; 0: there is none.
        supervisor: The process that started the others.
    """

    cameras: list[str]
    port: int
    supervisor: psutil.Process

    def videos(self) -> list[int]:
        """Process ids of the Video Modules."""
        return [child.pid for child in self._children("services.video")]

    def api(self) -> list[int]:
        """Process ids of gunicorn's arbiter and its workers."""
        return [
            process.pid
            for arbiter in self._children("gunicorn")
            for process in (arbiter, *arbiter.children())
        ]

    def heads(self) -> dict[str, int]:
        """Number of the newest frame of every camera that has one."""
        found: dict[str, int] = {}
        for name in self.cameras:
            with contextlib.suppress(RingcastError):
                reader = RingReader.open(segment_paths(name))
                found[name] = reader.head
                reader.close()
        return found

    def _children(self, words: str) -> list[psutil.Process]:
        return [each for each in self.supervisor.children() if words in " ".join(each.cmdline())]


@contextlib.contextmanager
def site(count: int, *, source: str = SOURCE, with_api: bool = False) -> Iterator[Site]:
    """Run cameras until the ``with`` ends, then leave nothing behind.

    Args:
        count: How many cameras.
        source: Of each of them.
        with_api: Whether the API is to run as well.

    Raises:
        TimeoutError: They did not all give a frame in time; with the end of their log.
    """
    prefix, port = f"cams_{secrets.token_hex(4)}", free_port()
    names = [f"{prefix}_{number:02}" for number in range(count)]
    camera = {"source": source, "ring": {"slots": SLOTS}}
    settings = {
        "cameras": dict.fromkeys(names, camera),
        "api.port": port,
        "logging.level": "WARNING",
    }
    strangers = ("RINGCAST_", "VIDEO_", "LOG_LEVEL")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(strangers)}
    with contextlib.ExitStack() as stack:
        stack.callback(_unlink, prefix)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        config, log = folder / "config.json", folder / "log"
        config.write_text(json.dumps(settings), encoding="utf-8")
        command = [sys.executable, "-m", "services.supervisor", str(config)]
        command += ["--with-api"] if with_api else []
        child = Child(command, stack.enter_context(log.open("ab")), environment)
        stack.callback(child.end)
        running = Site(names, port if with_api else 0, psutil.Process(child.process.pid))
        _wait_for_frames(running, log)
        yield running


def _unlink(prefix: str) -> None:
    for path in SEGMENTS.glob(f"{prefix}*"):
        path.unlink(missing_ok=True)


def _wait_for_frames(running: Site, log: Path) -> None:
    give_up_s = time.monotonic() + _START_S
    while any(running.heads().get(name, 0) < 1 for name in running.cameras) or (
        running.port and not _listens(running.port)
    ):
        if time.monotonic() > give_up_s or not running.supervisor.is_running():
            raise TimeoutError(log.read_text(encoding="utf-8", errors="replace")[-2000:])
        time.sleep(0.2)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False


def pss_mb(pids: Iterable[int]) -> dict[str, float]:
    """Memory of some processes, each page divided among those that share it, MB.

    Returns:
        private (anonymous), files (programs and libraries), shared (the rings), and their sum.
    """
    names = {"Pss_Anon": "private", "Pss_File": "files", "Pss_Shmem": "shared", "Pss": "all"}
    total = dict.fromkeys(names.values(), 0.0)
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            key, _, rest = line.partition(":")
            if key in names:
                total[names[key]] += int(rest.split()[0]) * 1024 / 1e6
    return {name: round(value, 1) for name, value in total.items()}


class Window:
    """What happens between two borders of a measurement: call it at each."""

    def __init__(self, running: Site) -> None:
        self._running = running
        self._borders: list[dict[str, Any]] = []

    def __call__(self) -> None:
        """Note what there is now."""
        running = self._running
        self._borders.append(
            {
                "at": time.monotonic(),
                "heads": running.heads(),
                "videos": cpu_s(running.videos()),
                "api": cpu_s(running.api()),
                "supervisor": cpu_s([running.supervisor.pid]),
                "machine": busy_cores_s(),
            }
        )

    def result(self) -> dict[str, Any]:
        """Rates between the two, cores and frames per second."""
        first, last = self._borders
        seconds = last["at"] - first["at"]
        fps = sorted(
            (last["heads"][name] - first["heads"][name]) / seconds for name in self._running.cameras
        )
        frames = sum(fps)
        cores = {
            key: round((last[key] - first[key]) / seconds, 4)
            for key in ("videos", "api", "supervisor", "machine")
        }
        return {
            "cameras": len(fps),
            "seconds": round(seconds, 2),
            "fps_lowest": round(fps[0], 2),
            "fps_mean": round(frames / len(fps), 2),
            "fps_highest": round(fps[-1], 2),
            "cores": cores,
            "video_ms_per_frame": round(1e3 * cores["videos"] / frames, 3),
            "video_pss_mb": pss_mb(self._running.videos()),
            "api_pss_mb": pss_mb(self._running.api()),
        }
