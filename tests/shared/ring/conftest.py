"""Tests that mount a file system run in a user namespace where the tester is not root."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.shared.ring.actors import ROOT

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Replace the test by itself, run as root of a namespace of its own; never skip it."""
    mounts = "small" in getattr(item, "fixturenames", ())
    if mounts and os.geteuid() != 0 and isinstance(item, pytest.Function):
        item.fixturenames.clear()
        item.obj = lambda: run_in_namespace(item.nodeid)
        item.setup = lambda: None  # type: ignore[method-assign]
        item.runtest = item.obj  # type: ignore[method-assign]
    return (yield)


def run_in_namespace(test: str) -> None:
    command = ["unshare", "-rm", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [*command, test], cwd=ROOT, capture_output=True, text=True, timeout=50, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
