from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from services.api.machine import cores, default_encoder_threads, default_workers

if TYPE_CHECKING:
    from pathlib import Path

ALL = len(os.sched_getaffinity(0))


@pytest.fixture
def with_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen cores, whatever this machine has; there is no other seam to the affinity."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(16)))


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000\n", 16), ("200000 100000\n", 2), ("150000 100000\n", 2), ("5000 100000\n", 1)],
)
@pytest.mark.usefixtures("with_cores")
def test_the_quota_of_a_container_counts(tmp_path: Path, quota: str, expected: int) -> None:
    limit = tmp_path / "cpu.max"
    limit.write_text(quota)
    assert cores(limit) == expected


def test_without_a_quota_the_affinity_counts(tmp_path: Path) -> None:
    assert cores(tmp_path / "missing") == ALL


@pytest.mark.parametrize(
    ("share", "workers", "threads"), [(1, 1, 1), (2, 1, 1), (4, 2, 3), (16, 4, 4)]
)
@pytest.mark.usefixtures("with_cores")
def test_defaults_suit_small_and_large_machines(
    tmp_path: Path, share: int, workers: int, threads: int
) -> None:
    limit = tmp_path / "cpu.max"
    limit.write_text(f"{share * 100000} 100000\n")
    assert (default_workers(limit), default_encoder_threads(limit)) == (workers, threads)
