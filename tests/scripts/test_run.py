"""Tests of scripts/run.py: all cameras and the API, as ``make run`` starts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.supervised import Supervised, are_gone

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.process
@pytest.mark.e2e
@pytest.mark.slow
def test_it_runs_the_video_module_and_the_api(tmp_path: Path) -> None:
    with Supervised(tmp_path, module="scripts.run", arguments=()) as run:
        run.wait_until_ready()
        services = run.services()
        run.process.terminate()
        assert run.wait() == 0
        assert are_gone(services)
