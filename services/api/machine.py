"""What this machine, or the part of it this container may use, is good for."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

__all__ = ["cores", "default_encoder_threads", "default_workers"]

_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
_MOST: Final = 4
"""More of either is for those who have measured that it pays."""


def cores(quota: Path = _QUOTA) -> int:
    """Cores this process may use, at least 1: its affinity, or the container's quota if less.

    Args:
        quota: The control group's limit, "200000 100000" for two cores or "max 100000" for none.

    Source: the kernel's cgroup-v2.rst, cpu.max: microseconds of time per period, then the period.
    """
    allowed = len(os.sched_getaffinity(0))
    try:
        time_us, _, period_us = quota.read_text(encoding="ascii").partition(" ")
        return max(1, min(allowed, math.ceil(int(time_us) / int(period_us))))
    except (OSError, ValueError):  # no such control group, or "max": no quota
        return allowed


def default_workers(quota: Path = _QUOTA) -> int:
    """Worker processes: one for every two cores, since encoding and receivers want some too."""
    return max(1, min(_MOST, cores(quota) // 2))


def default_encoder_threads(quota: Path = _QUOTA) -> int:
    """Encoder threads of a worker: all cores but the one that sends."""
    return max(1, min(_MOST, cores(quota) - 1))
