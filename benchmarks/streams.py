"""Measures what a client costs: frame rate, age of frames on arrival, CPU; by number of clients.

    .venv/bin/python benchmarks/streams.py --clients 1 10 100 --seconds 10

Starts both services on the test pattern under a segment name of its own, opens N streams at once
and prints a table. All clients live in one process that drops payload inside the kernel
(MSG_TRUNC), and says its own CPU. The age is taken when the last byte of a part has been read: now
minus the part's X-Timestamp, both on this machine's wall clock. Nothing is asserted: read ratios,
not absolute figures.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import secrets
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[1]
LENGTH = re.compile(rb"Content-Length: (\d+)\r\n")
TIMESTAMP = re.compile(rb"X-Timestamp: ([\d.]+)\r\n")
TAIL_BYTES = len(b"\r\n--frame\r\n")
SCRATCH = bytearray(1 << 20)
WARM_UP_S = 2.0


@dataclass
class Client:
    """One stream: how many frames came, and how old each was."""

    sock: socket.socket
    head: bytearray = field(default_factory=bytearray)
    remaining: int = 0
    captured_s: float = 0.0
    frames: int = 0
    ages_s: list[float] = field(default_factory=list)

    def read(self) -> bool:
        """Take what is there; False when the server closed the connection."""
        if self.remaining:
            wanted = min(self.remaining, len(SCRATCH))
            count = self.sock.recv_into(SCRATCH, wanted, socket.MSG_TRUNC)
            self.remaining -= count
            if count and not self.remaining:
                self.frames += 1
                self.ages_s.append(time.time() - self.captured_s)
            return count > 0
        # Part headers are peeked at, so that exactly they are taken and no payload with them.
        peeked = self.sock.recv(2048, socket.MSG_PEEK)
        end = peeked.find(b"\r\n\r\n")
        if end < 0:
            return bool(peeked)
        self.head = bytearray(self.sock.recv(end + 4))
        length, stamp = LENGTH.search(self.head), TIMESTAMP.search(self.head)
        if length is not None and stamp is not None:
            self.remaining = int(length[1]) + TAIL_BYTES
            self.captured_s = float(stamp[1])
        return True


@contextlib.contextmanager
def services(source: str, port: int) -> Iterator[tuple[psutil.Process, psutil.Process]]:
    """Both services as children; yields the Video Module and the gunicorn master."""
    environment = os.environ | {
        "RINGCAST_VIDEO__SHARED_MEMORY_NAME": f"bench_{secrets.token_hex(4)}",
        "RINGCAST_VIDEO__USE_SHARED_MEMORY": "true",
        "RINGCAST_API__PORT": str(port),
        "VIDEO_SOURCE": source,
        "LOG_LEVEL": "WARNING",
    }
    commands = (
        [sys.executable, "-m", "services.video"],
        [sys.executable, "-m", "gunicorn", "-c", "services/api/gunicorn.conf.py"],
    )
    started = [subprocess.Popen(command, cwd=CHECKOUT, env=environment) for command in commands]
    try:
        wait_until_ready(port)
        yield psutil.Process(started[0].pid), psutil.Process(started[1].pid)
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(20)


def wait_until_ready(port: int) -> None:
    """Ask /readyz until it says yes; at most 30 s."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def cpu_s(process: psutil.Process) -> float:
    """User and system seconds of a process and its children."""
    family = [process, *process.children(recursive=True)]
    return sum(sum(member.cpu_times()[:2]) for member in family)


def measure(port: int, clients: int, seconds: float, query: str) -> list[Client]:
    """Open ``clients`` streams, let them settle, and count for ``seconds``."""
    selector = selectors.DefaultSelector()
    request = f"GET /stream/video/shm{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    everyone = []
    for _ in range(clients):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.sendall(request)
        sock.settimeout(0)
        everyone.append(Client(sock))
        selector.register(sock, selectors.EVENT_READ, everyone[-1])
    end = time.monotonic() + seconds
    while (remaining := end - time.monotonic()) > 0:
        for key, _ in selector.select(remaining):
            client: Client = key.data
            with contextlib.suppress(BlockingIOError):
                if not client.read():
                    selector.unregister(client.sock)
    for client in everyone:
        client.sock.close()
    selector.close()
    return everyone


def percentile(values: list[float], percent: int) -> float:
    """The value below which ``percent`` of ``values`` lie."""
    return statistics.quantiles(values, n=100)[percent - 1] if len(values) > 1 else float("nan")


def main() -> None:
    """Print one line per number of clients."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--source", default="pattern://1920x1080@30")
    parser.add_argument("--query", default="", help='for example "?quality=50"')
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    print("clients  min fps  median fps  age p50 ms  p95  p99  video CPU  api CPU  client CPU")
    with services(options.source, port) as (video, api):
        for clients in options.clients:
            measure(port, clients, WARM_UP_S, options.query)
            me = psutil.Process()
            before = [cpu_s(process) for process in (video, api, me)]
            started = time.monotonic()
            everyone = measure(port, clients, options.seconds, options.query)
            elapsed = time.monotonic() - started
            after = [cpu_s(process) for process in (video, api, me)]
            cores = [(b - a) / elapsed for a, b in zip(before, after, strict=True)]
            rates = sorted(client.frames / options.seconds for client in everyone)
            ages = [1000 * age for client in everyone for age in client.ages_s]
            print(
                f"{clients:7} {rates[0]:8.1f} {statistics.median(rates):11.1f}"
                f" {percentile(ages, 50):11.1f} {percentile(ages, 95):4.1f}"
                f" {percentile(ages, 99):4.1f} {cores[0]:10.2f} {cores[1]:8.2f} {cores[2]:11.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
