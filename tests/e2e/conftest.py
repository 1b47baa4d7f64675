"""Both services, started once for all tests that only look."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import Services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import Api


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Both services on a small pattern."""
    services = Services(tmp_path_factory.mktemp("running"), f"test-{os.getpid()}-running")
    try:
        yield services.both()
    finally:
        services.stop()
        left = list(Path("/dev/shm").glob(f"{services.segment}*"))  # noqa: S108 - the real tmpfs
        for path in left:
            path.unlink()
        assert [path.name for path in left] == []
