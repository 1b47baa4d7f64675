"""What README.md tells people to run beside the recipes of docs/clients.md."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.recipes import (
    assert_pattern_colors,
    pictures_of,
    program,
    recipe,
    run_shell,
    sequences,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Api

pytestmark = [pytest.mark.process, pytest.mark.e2e]


def test_numpy_reads_one_frame_and_a_stream_of_them(running: Api, tmp_path: Path) -> None:
    command = [sys.executable, "-u", "-c", recipe("readme-numpy", running.url)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as reading:
        assert reading.stdout is not None
        lines = [reading.stdout.readline().split(maxsplit=1) for _ in range(10)]
        reading.terminate()
    numbers = [int(number) for number, _ in lines]
    assert numbers == sorted(set(numbers)), "each frame once, in order"
    for _, said in lines:
        assert said.startswith("(240, 320, 3) (240, 320, 3) ")
        assert 60 < float(said.split()[-1]) < 200


@pytest.mark.slow
def test_ffmpeg_records_y4m_with_true_times(running: Api, tmp_path: Path) -> None:
    program("ffmpeg")
    run_shell(recipe("readme-y4m", running.url, {"-t 10": "-t 1.5"}), tmp_path)
    images = pictures_of(tmp_path / "pixels.mp4", size=(320, 240))
    assert_pattern_colors(images[-1])
    numbers = sequences(images)
    assert numbers == sorted(set(numbers)), "each frame once, in order"
