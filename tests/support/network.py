"""A network of a test's own, in which addresses can vanish; this machine's stays as it is."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_own_network", "vanish"]

_CLONE_NEWNET: Final = 0x4000_0000


def in_own_network(work: Callable[[], None]) -> None:
    """Do something in a thread whose sockets and children are in a network that has only ``lo``.

    Skips the test where that needs more rights than it has: root's, and in a container SYS_ADMIN.

    Source: unshare(2): each thread has a network namespace, which its children inherit.
    """
    failed: list[BaseException] = []

    def enter_and_work() -> None:
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.unshare(_CLONE_NEWNET) != 0:
                pytest.skip(f"no network of its own: {os.strerror(ctypes.get_errno())}")
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            work()
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            failed.append(error)

    thread = threading.Thread(target=enter_and_work)
    thread.start()
    thread.join()
    for error in failed:
        raise error


def vanish(address: str) -> None:
    """Have nothing reach a loopback address any more, as if its cable had been pulled."""
    command = ["ip", "route", "add", "blackhole", f"{address}/32", "table", "local"]
    subprocess.run(command, check=True)
