"""What the figures were measured on, and whether it was quiet."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from benchmarks.processes import CHECKOUT

__all__ = ["describe"]

_PACKAGES = ("gunicorn", "gevent", "flask", "numpy", "pyzmq", "opencv-python-headless")


def describe() -> dict[str, Any]:
    """Cores, model, kernel, versions, load average: as plain data, without names of the machine."""
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": _commit(),
        "cores": len(os.sched_getaffinity(0)),
        "model": _model(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "kernel": platform.release().split("-")[0],
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "load_average_at_start": round(os.getloadavg()[0], 2),
    }


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith(("model name", "Model")):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    """The commit, with a plus sign when the product's files differ from it."""
    try:
        command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"
