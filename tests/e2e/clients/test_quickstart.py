"""What docs/quickstart.md tells people to run once the services are up."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from shared.naming import segment_paths
from tests.support.recipes import assert_pattern_colors, program, recipe, run_shell
from tests.support.streams import picture

if TYPE_CHECKING:
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

ROOT: Final = Path(__file__).parents[3]


def test_one_picture_is_saved(running: Api, tmp_path: Path) -> None:
    program("curl")
    run_shell(recipe("quickstart-see", running.url), tmp_path)
    assert_pattern_colors(picture((tmp_path / "picture.jpg").read_bytes()))


def assert_line(line: str) -> None:
    """Check a line of a program that prints number, shape and brightness."""
    said = re.fullmatch(r"(\d+) \(240, 320, 3\) ([\d.]+)", line.strip())
    assert said is not None, line
    assert int(said.group(1)) > 0
    assert 60 < float(said.group(2)) < 200


def test_numpy_reads_shared_memory(service: Services, tmp_path: Path) -> None:
    (tmp_path / "ringcast").symlink_to(ROOT / "shared")  # as if it were installed
    service.both()
    assert segment_paths(service.segment).ring.exists()
    ours = {"VideoConsumer()": f"VideoConsumer({service.segment!r})"}
    command = [sys.executable, "-u", "-c", recipe("quickstart-numpy", "", ours)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as reading:
        assert reading.stdout is not None
        lines = [reading.stdout.readline() for _ in range(10)]
        reading.terminate()
    numbers = [int(line.split()[0]) for line in lines]
    assert numbers == sorted(set(numbers)), "each frame once, in order"
    for line in lines:
        assert_line(line)


def test_numpy_reads_over_http(running: Api, tmp_path: Path) -> None:
    command = [sys.executable, "-c", recipe("quickstart-npy", running.url)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert_line(done.stdout)
