"""Caddy and HAProxy from Debian in front of the API, with the files that docs/clients.md has.

Nginx has a module of its own, ``nginx.py``: many tests use it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from typing import TYPE_CHECKING

from tests.support.processes import Child, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["caddy", "free_port", "haproxy"]


def free_port() -> int:
    """A port of the loopback nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def caddy(configuration: str, port: int, folder: Path) -> Iterator[None]:
    """Caddy with a Caddyfile; it administers nothing and keeps its files to itself."""
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n}\n" + configuration, encoding="utf-8")
    command = ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]
    with _listening(command, port, folder):
        yield


@contextlib.contextmanager
def haproxy(configuration: str, port: int, folder: Path) -> Iterator[None]:
    """HAProxy in the foreground."""
    file = folder / "haproxy.cfg"
    file.write_text(configuration, encoding="utf-8")
    with _listening(["haproxy", "-db", "-f", str(file)], port, folder):
        yield


@contextlib.contextmanager
def _listening(command: list[str], port: int, folder: Path) -> Iterator[None]:
    path = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert path is not None, f"{command[0]} is not installed; see tests/apt-packages.txt"
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    child = Child([path, *command[1:]], variables, folder / f"{command[0]}.log")

    def listens() -> bool:
        assert child.process.poll() is None, child.said()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(listens, f"{command[0]} at {port}")
        yield
    finally:
        child.stop()
        print(f"----- {child.log.name}\n{child.said()}")  # noqa: T201 - shown on failure
