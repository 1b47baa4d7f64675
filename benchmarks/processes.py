"""What is measured, as child processes: our services, the ideal sender, the tutorial's server.

Every child runs in a session of its own, so that Ctrl-C reaches this program alone, which then ends
them by their id. Our services get a segment name of their own; its files are gone afterwards.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CHECKOUT", "STREAM", "Child", "Services", "ideal_sender", "services", "tutorial_server"]

CHECKOUT: Final = Path(__file__).resolve().parents[1]
BUILD: Final = CHECKOUT / "benchmarks" / "build"
SEGMENTS: Final = Path("/dev/shm")  # noqa: S108 - the kernel's own tmpfs, where segments lie
STREAM: Final = "/stream/video/shm"
_START_S: Final = 30.0
_END_S: Final = 20.0


class Child:
    """One of our programs, which may be ended and started again.

    Args:
        command: What to run, from the checkout.
        output: Where it writes to.
        environment: Its variables; None: ours.
        errors: Where its errors go; None: to its output.

    Attributes:
        process: The one that runs, or ran last.
    """

    def __init__(
        self,
        command: list[str],
        output: IO[bytes] | int,
        environment: dict[str, str] | None = None,
        errors: IO[bytes] | None = None,
    ) -> None:
        self._command, self._environment = command, environment
        self._output, self._errors = output, errors
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            cwd=CHECKOUT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._errors or subprocess.STDOUT,
            start_new_session=True,
        )

    def restart(self, ending: signal.Signals) -> None:
        """End it by a signal, wait until it has ended, and start it again."""
        self.process.send_signal(ending)
        self.process.wait(_END_S)
        self.process = self._started()

    def end(self) -> None:
        """Ask it to end; after 20 s end it and its children."""
        if self.process.poll() is not None:
            return
        family = []
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for left in psutil.wait_procs(family, timeout=1)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()


@dataclass(frozen=True, slots=True)
class Services:
    """Both services of ours, ready.

    Attributes:
        port: Of the API, on the loopback.
        segment: The camera's segment name.
        module: The Video Module.
        api: Gunicorn's master.
        workers: How many API workers there are.
    """

    port: int
    segment: str
    module: Child
    api: Child
    workers: int

    @property
    def video(self) -> int:
        """Process id of the Video Module."""
        return self.module.process.pid

    @property
    def gunicorn(self) -> int:
        """Process id of gunicorn's master."""
        return self.api.process.pid

    def end(self) -> list[Path]:
        """End both, as at the end of the ``with``; returns the files they have left behind."""
        self.api.end()
        self.module.end()
        return self.segment_files()

    def api_pids(self) -> list[int]:
        """Process ids of gunicorn's master and its workers."""
        children = psutil.Process(self.gunicorn).children()
        return [self.gunicorn, *(child.pid for child in children)]

    def segment_files(self) -> list[Path]:
        """Files of the camera and its variants in the segments' directory."""
        return sorted(SEGMENTS.glob(f"{self.segment}*"))


@contextlib.contextmanager
def services(source: str, workers: int, log: Path) -> Iterator[Services]:
    """Run both services until the ``with`` ends, then leave nothing behind.

    Args:
        source: ``video.source``.
        workers: ``api.workers``.
        log: Their output is appended to it.

    Raises:
        TimeoutError: They did not become ready.
    """
    segment, port = f"bench_{secrets.token_hex(4)}", free_port()
    settings = {
        "RINGCAST_VIDEO__SHARED_MEMORY_NAME": segment,
        "RINGCAST_VIDEO__USE_SHARED_MEMORY": "true",
        "RINGCAST_VIDEO__SOURCE": source,
        "RINGCAST_API__PORT": str(port),
        "RINGCAST_API__WORKERS": str(workers),
        "RINGCAST_LOGGING__LEVEL": "WARNING",
    }
    strangers = ("RINGCAST_", "VIDEO_", "LOG_LEVEL")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(strangers)} | settings
    gunicorn_conf = "services/api/gunicorn.conf.py"
    with contextlib.ExitStack() as stack:
        stack.callback(_unlink_segments, segment)
        output = stack.enter_context(log.open("ab"))
        module = Child([sys.executable, "-m", "services.video"], output, environment)
        stack.callback(module.end)
        api = Child([sys.executable, "-m", "gunicorn", "-c", gunicorn_conf], output, environment)
        stack.callback(api.end)
        running = Services(port, segment, module, api, workers)
        _wait_until_answered(f"http://127.0.0.1:{port}/readyz", log)
        yield running


@contextlib.contextmanager
def ideal_sender(jpeg: Path, log: Path) -> Iterator[tuple[int, int]]:
    """Run the ideal sender; yields its port and process id."""
    command = [str(BUILD / "ideal_sender"), "--jpeg", str(jpeg), "--fps", "30"]
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("ab"))
        child = Child(command, subprocess.PIPE, errors=output)
        stack.callback(child.end)
        if child.process.stdout is None:
            raise RuntimeError("no pipe")
        stack.callback(child.process.stdout.close)
        yield int(child.process.stdout.readline().split()[1]), child.process.pid


@contextlib.contextmanager
def tutorial_server(segment: str, log: Path) -> Iterator[tuple[int, int]]:
    """Run the tutorial's server on the frames of a segment; yields its port and process id."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.tutorial_server", segment, str(port)]
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("ab"))
        child = Child(command, output)
        stack.callback(child.end)
        _wait_until_answered(f"http://127.0.0.1:{port}/", log)
        yield port, child.process.pid


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _unlink_segments(segment: str) -> None:
    for path in SEGMENTS.glob(f"{segment}*"):
        path.unlink(missing_ok=True)


def _wait_until_answered(url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - an address of our own
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not answer in {_START_S:g} s; its log:\n{log.read_text()}")
