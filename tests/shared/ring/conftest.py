"""Tests that mount a file system run in a user namespace where the tester is not root."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.shared.ring.actors import ROOT


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run the same test as root of a namespace of its own; never skip it."""
    if "small" not in pyfuncitem.fixturenames or os.geteuid() == 0:
        return None
    pytest_alone = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        ["unshare", "--map-root-user", "--mount", *pytest_alone, pyfuncitem.nodeid],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return True
