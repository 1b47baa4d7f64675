"""OpenCV, requests, aiohttp and Node, as docs/clients.md has them."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.support.recipes import assert_pattern_colors, program, recipe, sequences

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.support.processes import Api

pytestmark = [pytest.mark.process, pytest.mark.e2e]


def run(command: list[str], folder: Path) -> list[list[str]]:
    """Run a program to its end; the words of each line it printed."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stderr
    return [line.split(maxsplit=2) for line in done.stdout.splitlines()]


def last(path: Path) -> NDArray[np.uint8]:
    """The picture the program has left, BGR."""
    read = np.load(path) if path.suffix == ".npy" else cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert read is not None
    image: NDArray[np.uint8] = read.astype(np.uint8, copy=False)
    assert_pattern_colors(image)
    return image


def test_opencv_reads_the_stream_as_a_camera(running: Api, tmp_path: Path) -> None:
    lines = run([sys.executable, "-c", recipe("opencv", running.url)], tmp_path)
    assert len(lines) == 20
    assert {tuple(line[:2]) for line in lines} == {("(240,", "320,")}
    assert len(sequences([last(tmp_path / "last.png")])) == 1


@pytest.mark.parametrize("name", ["requests", "aiohttp", "requests-raw"])
def test_python_reads_parts_by_their_length(running: Api, tmp_path: Path, name: str) -> None:
    lines = run([sys.executable, "-c", recipe(name, running.url)], tmp_path)
    assert len(lines) == 20
    numbers = [int(number) for number, _, _ in lines]
    assert numbers == sorted(set(numbers)), "each frame once, in order"
    captured = [float(moment) for _, moment, _ in lines]
    assert all(later > earlier for earlier, later in itertools.pairwise(captured))
    assert abs(time.time() - captured[-1]) < 10
    assert {shape for _, _, shape in lines} == {"(240, 320, 3)"}
    (kept,) = tmp_path.glob("last.*")
    assert sequences([last(kept)]) == [numbers[-1]]


def test_node_reads_parts_by_their_length(running: Api, tmp_path: Path) -> None:
    source = tmp_path / "read.mjs"
    source.write_text(recipe("node", running.url), encoding="utf-8")
    lines = run([program("node"), str(source)], tmp_path)
    assert len(lines) >= 20
    numbers = [int(number) for number, _ in lines]
    assert numbers == sorted(set(numbers)), "each frame once, in order"
    assert sequences([last(tmp_path / "last.jpg")]) == [numbers[-1]]
