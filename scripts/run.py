"""Runs the Video Module and the API side by side without containers: ``make run``.

Ctrl-C or SIGTERM ends both. One that fails is started again, after 1, 2, 4 … 30 s, while the other
one goes on. When one of them ends for good (a file is through, settings are wrong), so does the
other, and the exit code says so. Should this program be killed, the kernel ends the services
(``setpriv --pdeathsig``).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.api.healthcheck import answer_of, endpoint_of
from shared.errors import ConfigError
from shared.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from shared.settings_api import ApiSettings

ROOT: Final = Path(__file__).resolve().parent.parent
COMMANDS: Final = {
    "Video Module": (sys.executable, "-m", "services.video"),
    "API": (sys.executable, "-m", "gunicorn", "-c", "services/api/gunicorn.conf.py"),
}
END_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TICK_S: Final = 0.1
PATIENCE_S: Final = 20.0
"""How long to wait for the first frame before saying that there is none."""


FINISHED: Final = 0
"""A file that is not looped is through, or somebody ended the service."""
MISCONFIGURED: Final = 2
"""Settings are wrong, and would be again."""
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
STEADY_S: Final = 60.0
"""Whoever ran for so long has not failed again and again: the pauses start over."""


class Service:
    """One of the two, running as a child, or about to be started again.

    Args:
        name: For people.
        command: Of the child.
        environment: Of the child.
        clock: Steady, seconds.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._command = ("setpriv", "--pdeathsig", "TERM", *command)
        self._environment = dict(environment)
        self._clock = clock
        self._failures = 0
        self._started_s = 0.0
        self._due_s: float | None = None  # of the next start
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self._due_s = None
        self._started_s = self._clock()
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            process_group=0,  # so that Ctrl-C comes here, and the services end in order
        )

    def tend(self) -> int | None:
        """Look after it: after a failure, start it again when its pause is over.

        Returns:
            Its exit code if it ended for good.
        """
        if self._due_s is not None:
            if self._clock() >= self._due_s:
                self.start()
            return None
        code = None if self._process is None else self._process.poll()
        if code is None:
            return None
        self._sweep()
        if code in {FINISHED, MISCONFIGURED}:
            print(f"{self.name} ended with code {code}; ending the rest", file=sys.stderr)
            return code
        self._pause_after(code)
        return None

    def end(self, patience_s: float) -> None:
        """End it and whatever it started, by force after ``patience_s``; again is harmless."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            print(f"{self.name} does not end; killing it", file=sys.stderr)
        self._sweep()
        self._process.wait()

    def _pause_after(self, code: int) -> None:
        if self._clock() - self._started_s > STEADY_S:
            self._failures = 0
        pause_s = min(FIRST_PAUSE_S * 2.0**self._failures, LONGEST_PAUSE_S)
        self._failures += 1
        self._due_s = self._clock() + pause_s
        again = f", {self._failures} times in a row" if self._failures > 1 else ""
        print(
            f"{self.name} ended with code {code}{again}; starting it again in {pause_s:g} s",
            file=sys.stderr,
        )

    def _sweep(self) -> None:
        """Kill what is left of its process group."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):  # nothing left is the normal case
                os.killpg(self._process.pid, signal.SIGKILL)


def main() -> int:
    """Run both services until a signal, or until one of them ends for good.

    Returns:
        0 after a signal or the end of a file, 2 when the settings are wrong or the port is taken.
    """
    received: list[int] = []  # not an Event, whose lock a signal handler could find taken
    for number in END_SIGNALS:
        if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue  # nohup: it is to outlive the terminal
        signal.signal(number, lambda number, _: received.append(number))
    try:
        settings = load_settings()
        port = claim_port(settings.api.host, settings.api.port)
    except (ConfigError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    scheme, host, port = endpoint_of(settings.api, port)
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
    environment = os.environ | {"RINGCAST_API__PORT": str(port)}
    with running(COMMANDS, environment, settings.api.drain_timeout_sec + 2) as services:
        return watch(services, url, lambda: is_ready(settings.api, port), received)


def claim_port(host: str, port: int) -> int:
    """Check that the API will be able to listen; 0 picks a free port.

    Raises:
        OSError: With a sentence that says what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(
                f"cannot listen on {host} port {port} ({error.strerror}); "
                "choose another port: make run PORT=8001"
            ) from error
        chosen: int = probe.getsockname()[1]
        return chosen


@contextlib.contextmanager
def running(
    commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], patience_s: float
) -> Iterator[list[Service]]:
    """Start the services in order; end them in reverse, by force after ``patience_s`` each."""
    services: list[Service] = []
    try:
        for name, command in commands.items():
            services.append(Service(name, command, environment))
            services[-1].start()
        yield services
    finally:
        for service in reversed(services):
            service.end(patience_s)


def watch(
    services: Sequence[Service], url: str, ready: Callable[[], bool], received: list[int]
) -> int:
    """Tend the services, and say the URL once frames flow.

    Returns:
        The exit code, after a signal or when one of them ended for good.
    """
    deadline = time.monotonic() + PATIENCE_S
    told = False
    while not received:
        time.sleep(TICK_S)
        for service in services:
            code = service.tend()
            if code is not None:
                return code
        if told:
            continue
        if ready():
            told = True
            print(f"\n  Ringcast is running: {url}  (Ctrl-C ends it)\n", flush=True)
        elif time.monotonic() > deadline:
            told = True
            print(f"\n  No fresh frames yet; the log above says why. {url}\n", flush=True)
    return 0


def is_ready(api: ApiSettings, port: int) -> bool:
    """Ask the API whether frames flow."""
    try:
        return answer_of(endpoint_of(api, port), "/readyz", timeout_s=1) == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(main())
