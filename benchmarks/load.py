"""Runs the load client and reads what it says."""

from __future__ import annotations

import contextlib
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.processes import BUILD

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Group", "run_load"]

_PATIENCE_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class Group:
    """Clients that are alike.

    Attributes:
        name: For the report.
        clients: How many.
        path: What they ask for, query included.
        rate: Bytes per second each of them reads at most; 0: all there is.
        rcvbuf: Their receive buffer, bytes; 0: the kernel's choice.
        copy: Copy the payload to memory instead of dropping it in the kernel.
    """

    name: str
    clients: int
    path: str
    rate: int = 0
    rcvbuf: int = 0
    copy: bool = False

    def argument(self) -> str:
        """As the load client reads it; the path comes last, since it may hold commas."""
        return (
            f"name={self.name},clients={self.clients},rate={self.rate},rcvbuf={self.rcvbuf},"
            f"copy={int(self.copy)},path={self.path}"
        )


def run_load(
    address: tuple[str, int],
    groups: list[Group],
    warmup_s: float,
    seconds: float,
    border: Callable[[], None],
) -> dict[str, Any]:
    """Measure once.

    Args:
        address: Of the server, IPv4, and its port.
        groups: Whom to play.
        warmup_s: From the last client's first part to the measured window, seconds.
        seconds: Length of the window.
        border: Called when the window begins and when it ends.

    Returns:
        The load client's own report; see load_client.c.

    Raises:
        RuntimeError: It failed.
    """
    host, port = address
    command = [str(BUILD / "load_client"), "--host", host, "--port", str(port)]
    command += ["--warmup", str(warmup_s), "--seconds", str(seconds)]
    for group in groups:
        command += ["--group", group.argument()]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        try:
            return _follow(child, border)
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.kill()  # it has ended by itself unless we were interrupted


def _follow(child: subprocess.Popen[str], border: Callable[[], None]) -> dict[str, Any]:
    if child.stdout is None:
        raise RuntimeError("no pipe")
    for line in child.stdout:
        if line.startswith("{"):
            document: dict[str, Any] = json.loads(line)
            child.wait(_PATIENCE_S)
            return document
        border()
    raise RuntimeError(f"the load client ended with {child.wait(_PATIENCE_S)}")
