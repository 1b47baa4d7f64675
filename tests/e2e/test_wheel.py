"""The folder shared/, installed as the package ringcast where there is nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest

from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.naming import segment_paths
from shared.ring.writer import RingWriter

pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.timeout(300)]

CHECKOUT = Path(__file__).parents[2]

VISION_MODULE = """
import json, sys
import ringcast
from ringcast.consumer import VideoConsumer
with VideoConsumer(sys.argv[1]) as consumer:
    with consumer.wait_newer(10) as frame:
        pixels = frame.copy()
        print(json.dumps({
            "home": ringcast.__file__,
            "source": consumer.source,
            "sequence": frame.info.sequence,
            "shape": pixels.shape,
            "pixels": sorted(set(pixels.ravel().tolist())),
        }))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a virtual environment with the wheel and its hard dependencies only."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"  # a copy: building leaves folders beside what it builds
    shutil.copytree(CHECKOUT / "shared", sources / "shared")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, sources)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(sources)], check=True, capture_output=True, cwd=folder)
    (wheel,) = folder.glob("ringcast-*.whl")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--only-binary=:all:", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, cwd=folder)
    return python


def test_wheel_brings_numpy_and_pyzmq_and_nothing_else(environment: Path) -> None:
    listing = [str(environment), "-m", "pip", "list", "--format=json"]
    listed = subprocess.run(listing, check=True, capture_output=True, text=True)
    names = {package["name"] for package in json.loads(listed.stdout)}
    assert names - {"pip", "setuptools"} == {"ringcast", "numpy", "pyzmq"}


def test_pixels_without_opencv_name_the_extra(environment: Path, tmp_path: Path) -> None:
    program = [str(environment), "-c", "import ringcast.pixels"]
    result = subprocess.run(program, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "pip install 'ringcast[opencv]'" in result.stderr


def test_vision_module_reads_frames_with_the_installed_package(
    environment: Path, segment_name: str, tmp_path: Path
) -> None:
    geometry = Geometry(48, 32, PixelFormat.BGR24)
    with RingWriter(segment_paths(segment_name), label="wheel test") as writer:
        slot = writer.begin(geometry)
        slot.image[:] = 137
        writer.commit(slot, MonotonicNs(time.monotonic_ns()))
        program = [str(environment), "-c", VISION_MODULE, segment_name]
        # Not in the checkout: there "ringcast" could not be told from the folder shared/.
        result = subprocess.run(
            program, check=True, capture_output=True, text=True, timeout=60, cwd=tmp_path
        )
    seen = json.loads(result.stdout)
    assert str(environment.parents[1]) in seen.pop("home")
    assert seen == {
        "source": "wheel test",
        "sequence": 1,
        "shape": [32, 48, 3],
        "pixels": [137],
    }
