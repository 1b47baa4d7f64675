"""Runs the Video Module and the API side by side without containers: ``make run``.

Ctrl-C or SIGTERM ends both. When one of them ends by itself, so does the other, and the exit code
says so. Should this program be killed, the kernel ends the services (``setpriv --pdeathsig``).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from shared.errors import ConfigError
from shared.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parent.parent
COMMANDS: Final = {
    "Video Module": (sys.executable, "-m", "services.video"),
    "API": (sys.executable, "-m", "gunicorn", "-c", "services/api/gunicorn.conf.py"),
}
END_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BROWSER_HOSTS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
"""Addresses that mean "all of this machine", and one of it that a browser can open."""

TICK_S: Final = 0.1
PATIENCE_S: Final = 20.0
"""How long to wait for the first frame before saying that there is none."""


@dataclass(frozen=True)
class Service:
    """One of the two, running as a child."""

    name: str
    process: subprocess.Popen[bytes]


def main() -> int:
    """Run both services until a signal or the end of one of them.

    Returns:
        0 after a signal, 2 when the services cannot be started, else the code of the one that ended
        by itself, at least 1.
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
    host = BROWSER_HOSTS.get(settings.api.host, settings.api.host)
    environment = os.environ | {"RINGCAST_API__PORT": str(port)}
    with running(COMMANDS, environment, settings.api.drain_timeout_sec + 2) as services:
        scheme = "http" if settings.api.tls.certificate_file is None else "https"
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return watch(services, f"{scheme}://{authority}/", received)


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
            process = subprocess.Popen(
                ("setpriv", "--pdeathsig", "TERM", *command),
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                process_group=0,  # so that Ctrl-C comes here, and the services end in order
            )
            services.append(Service(name, process))
        yield services
    finally:
        for service in reversed(services):
            end(service, patience_s)


def end(service: Service, patience_s: float) -> None:
    """End a service and whatever it started."""
    service.process.terminate()
    try:
        service.process.wait(patience_s)
    except subprocess.TimeoutExpired:
        print(f"{service.name} does not end; killing it", file=sys.stderr)
    with contextlib.suppress(ProcessLookupError):  # nothing left is the normal case
        os.killpg(service.process.pid, signal.SIGKILL)
    service.process.wait()


def watch(services: Sequence[Service], url: str, received: list[int]) -> int:
    """Say the URL once frames flow; return the exit code after a signal or the end of a service."""
    deadline = time.monotonic() + PATIENCE_S
    told = False
    while not received:
        time.sleep(TICK_S)
        for service in services:
            code = service.process.poll()
            if code is not None:
                print(f"{service.name} ended with code {code}; ending the rest", file=sys.stderr)
                return max(code, 1)
        if told:
            continue
        if is_ready(url):
            told = True
            print(f"\n  Ringcast is running: {url}  (Ctrl-C ends it)\n", flush=True)
        elif time.monotonic() > deadline:
            told = True
            print(f"\n  No fresh frames yet; the log above says why. {url}\n", flush=True)
    return 0


def is_ready(url: str) -> bool:
    """Ask the API whether frames flow; past any proxy, unlike ``urllib``."""
    target = urlsplit(url)
    connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=1)
    if target.scheme == "https":
        # it is our own child on this machine, and its certificate may be for another name
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            str(target.hostname), target.port, timeout=1, context=trusting
        )
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
