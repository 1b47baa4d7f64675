"""Our own services as child processes of a test: started, asked, ended, and their logs kept.

Every child runs in a session of its own, reads no setting from the environment of the tests, and
writes its log into the test's folder; the log is printed when the child ends, so pytest shows it
with a failure.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import psutil

from tests.support.mjpeg_client import ProtocolViolation, get
from tests.support.tls import trusting

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Api", "Child", "Services", "wait_until"]

ROOT: Final = Path(__file__).resolve().parents[2]
START_S: Final = 30.0
END_S: Final = 15.0
SMALL: Final = "pattern://320x240@30"


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = START_S) -> None:
    """Ask again and again until ``condition`` holds; a bounded wait, not a sleep.

    Raises:
        AssertionError: It did not hold in time.
    """
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain: {what}")
        pause.wait(0.02)


class Child:
    """One running program.

    Args:
        command: What to run.
        environment: Its variables.
        log: Where its output goes.

    Attributes:
        process: The program.
        log: Where its output goes.
    """

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=ROOT,
                start_new_session=True,
            )

    def said(self) -> str:
        """Everything it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for_log(self, pattern: str, timeout_s: float = START_S) -> re.Match[str]:
        """Wait until its log matches a regular expression."""

        def found() -> bool:
            if self.process.poll() is not None and re.search(pattern, self.said()) is None:
                raise AssertionError(f"ended with {self.process.returncode}:\n{self.said()}")
            return re.search(pattern, self.said()) is not None

        wait_until(found, f"{pattern!r} in {self.log.name}", timeout_s)
        match = re.search(pattern, self.said())
        assert match is not None
        return match

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self, timeout_s: float = END_S) -> int:
        """Wait for its end and return its exit code."""
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """End it without warning (SIGKILL), children included."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(END_S)

    def stop(self) -> int:
        """End it the polite way (SIGTERM), by force if it does not; returns its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode


class Api(Child):
    """gunicorn with the API.

    Attributes:
        url: ``http://127.0.0.1:<port>``, the port a free one; ``https://`` with a certificate.
    """

    url: str = ""

    def find_out_url(self) -> Self:
        """Wait until it listens, and learn where."""
        self.url = self.wait_for_log(r"Listening at: (https?://\S+)").group(1)
        wait_until(lambda: self.answers("/healthz") == 200, "an answer to /healthz")
        return self

    def answers(self, path: str) -> int:
        """Status code of a GET; 0: no answer."""
        try:
            tls = trusting() if self.url.startswith("https:") else None
            return get(self.url + path, timeout_s=5.0, tls=tls)[0]
        except (OSError, ProtocolViolation):
            return 0

    def wait_ready(self) -> Self:
        """Wait until fresh frames are to be had."""
        wait_until(lambda: self.answers("/readyz") == 200, "frames (/readyz)")
        return self

    def workers(self) -> list[psutil.Process]:
        """Gunicorn's worker processes."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "gunicorn" in _command(child)]

    def worker(self) -> psutil.Process:
        """The only worker."""
        (worker,) = self.workers()
        return worker


def _command(process: psutil.Process) -> str:
    """How it was started; empty once it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@dataclass
class Services:
    """Starts services for one test and ends them all.

    Attributes:
        folder: For logs and the configuration file.
        segment: ``video.shared_memory_name`` of everything started here.
        through: A program with its arguments that starts the next API.
        children: Everything started here, in order.
        variables: Of the environment of everything started from now on.
    """

    folder: Path
    segment: str
    through: tuple[str, ...] = ()
    children: list[Child] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self, settings: dict[str, object]) -> dict[str, str]:
        """Variables of a child: no settings but the given ones, dotted as in config.json."""
        ours = ("RINGCAST_", "VIDEO_", "LOG_LEVEL")
        variables = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
        config = self.folder / "config.json"
        if not config.exists():
            config.write_text("{}", encoding="utf-8")
        variables["RINGCAST_CONFIG"] = str(config)
        variables["PYTHONUNBUFFERED"] = "1"
        merged = {"video.shared_memory_name": self.segment, **settings}
        for key, value in merged.items():
            name = "RINGCAST_" + key.upper().replace(".", "__")
            variables[name] = str(value).lower() if isinstance(value, bool) else str(value)
        return variables | self.variables

    def log(self, name: str) -> Path:
        """A fresh log file for a child."""
        return self.folder / f"{len(self.children)}-{name}.log"

    def video(
        self,
        source: str = SMALL,
        *,
        variables: dict[str, str] | None = None,
        program: str = "services.video",
        **settings: object,
    ) -> Child:
        """Start the Video Module.

        Args:
            source: ``video.source``.
            variables: Further ones of its environment.
            program: ``tests.support.faulty_video`` for one that fails where it is told to.
            settings: As ``video__ring__slots=4``.
        """
        dotted = {key.replace("__", "."): value for key, value in settings.items()}
        environment = self.environment({"video.source": source, **dotted}) | (variables or {})
        child = Child([sys.executable, "-m", program], environment, self.log("video"))
        self.children.append(child)
        return child

    def api(self, *arguments: str, shared_memory: bool = True, **settings: object) -> Api:
        """Start gunicorn on a free port and wait until it answers; settings as for ``video``.

        Args:
            arguments: Further ones of gunicorn.
            shared_memory: False: legacy mode.
            settings: By name.
        """
        dotted = {key.replace("__", "."): value for key, value in settings.items()}
        given = {"video.use_shared_memory": shared_memory, **dotted}
        return self.start_api(given, *arguments).find_out_url()

    def both(self, source: str = SMALL, **settings: object) -> Api:
        """Start video and API and wait for frames."""
        self.video(source)
        return self.api(**settings).wait_ready()  # type: ignore[arg-type]  # settings by name

    def start_api(self, settings: dict[str, object], *arguments: str, **variables: str) -> Api:
        """Start gunicorn on a free port, perhaps in vain, and wait for nothing.

        Args:
            settings: Dotted, as in config.json.
            arguments: Further ones of gunicorn.
            variables: Further ones of the environment.
        """
        conf = "services/api/gunicorn.conf.py"
        command = [*self.through, sys.executable, "-m", "gunicorn", "-c", conf, *arguments]
        given = {"api.port": 0, "video.use_shared_memory": True, **settings}
        child = Api(command, self.environment(given) | variables, self.log("api"))
        self.children.append(child)
        return child

    def stop(self, *, show_logs: bool = True) -> None:
        """End everything, the last started first, and print the logs."""
        for child in reversed(self.children):
            child.stop()
        for child in self.children if show_logs else ():
            print(f"----- {child.log.name}\n{child.said()}")  # noqa: T201 - shown on failure
