"""Fixtures: few, named after what they give, all closing what they open."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import zmq

from tests.support.processes import Services

if TYPE_CHECKING:
    from collections.abc import Iterator

# No test asserts a maximum run time, and the first example on a cold machine is slow.
hypothesis.settings.register_profile("ringcast", deadline=None)
hypothesis.settings.load_profile("ringcast")

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the kernel's own tmpfs, not a temp file


@pytest.fixture
def segment_name() -> Iterator[str]:
    """A name no other test has; nothing may be left of it afterwards."""
    name = f"test-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    yield name
    left = sorted(SHARED_MEMORY.glob(f"{name}*"))
    for path in left:
        path.unlink()
    assert [path.name for path in left] == []


@pytest.fixture
def service(segment_name: str, tmp_path: Path) -> Iterator[Services]:
    """Starts our services as child processes; ends them, and prints their logs."""
    services = Services(tmp_path, segment_name)
    try:
        yield services
    finally:
        services.stop()


@pytest.fixture
def zmq_context() -> Iterator[zmq.Context[Any]]:
    """A ZeroMQ context; a socket left open is a failure, not a hang."""
    context: zmq.Context[Any] = zmq.Context()
    yield context
    ending = threading.Thread(target=context.term, daemon=True)
    ending.start()
    ending.join(5.0)
    assert not ending.is_alive(), "a ZeroMQ socket was left open"


class Clock:
    """A clock that stands until it is moved.

    Attributes:
        now_s: What it shows, seconds.
    """

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Read it, seconds."""
        return self.now_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    """A hand-moved clock: no test sleeps to make time pass."""
    return Clock()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run tests that mount a file system as root of a namespace of their own; never skip them."""
    if "small" not in pyfuncitem.fixturenames or os.geteuid() == 0:
        return None
    pytest_alone = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        ["unshare", "--map-root-user", "--mount", *pytest_alone, pyfuncitem.nodeid],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return True
