"""The folder shared/, installed as the package ringcast where there is nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from shared.version import version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import Services

pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.timeout(300)]

CHECKOUT: Final = Path(__file__).parents[2]
NEWEST: Final = "python:3.13-slim-trixie"
"""The base image of the services; tests/e2e/docker/engine.sh makes sure there is one."""

VISION_MODULE: Final = """
import json, sys
import ringcast
from ringcast.consumer import VideoConsumer
with VideoConsumer(sys.argv[1]) as consumer:
    with consumer.wait_newer(10) as frame:
        pixels = frame.copy()
        print(json.dumps({
            "python": "%d.%d" % sys.version_info[:2],
            "home": ringcast.__file__,
            "version": ringcast.__version__,
            "source": consumer.source,
            "online": frame.info.online,
            "shape": pixels.shape,
            "moving": len(set(pixels.ravel().tolist())) > 50,
        }))
"""


def interpreters() -> Iterator[str]:
    """Yield every supported Python of this machine, this one first, one of each version."""
    known = {sys.version_info[:2]}
    yield sys.executable
    found = [shutil.which(f"python3.{minor}") for minor in range(11, 20)]
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=True)
        found += map(str, sorted(Path(root.stdout.strip(), "versions").glob("3.*/bin/python")))
    for python in filter(None, found):
        tell = [python, "-c", "import sys; print(*sys.version_info[:2])"]
        done = subprocess.run(tell, capture_output=True, text=True, check=False)
        numbers = tuple(map(int, done.stdout.split())) if done.returncode == 0 else ()
        if numbers >= (3, 11) and numbers not in known:
            known.add((numbers[0], numbers[1]))
            yield python


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel built from that."""
    folder = tmp_path_factory.mktemp("dist")
    sources = folder / "sources"  # a copy: building leaves folders beside what it builds
    shutil.copytree(
        CHECKOUT / "shared", sources / "shared", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, sources)
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(sources)], check=True, capture_output=True, cwd=folder)
    return folder


@pytest.fixture(scope="module", params=interpreters(), ids=lambda path: Path(path).parts[-3])
def environment(
    request: pytest.FixtureRequest, dist: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The Python of a virtual environment with the wheel and its hard dependencies only."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([request.param, "-m", "venv", str(folder)], check=True, capture_output=True)
    python = folder / "bin" / "python"
    (wheel,) = dist.glob("*.whl")
    install = [str(python), "-m", "pip", "install", "--quiet", "--only-binary=:all:", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, cwd=folder)
    return python


def test_distributions_have_the_version_of_the_project(dist: Path) -> None:
    names = sorted(path.name for path in dist.glob("ringcast-*"))
    assert names == [f"ringcast-{version()}-py3-none-any.whl", f"ringcast-{version()}.tar.gz"]


def test_wheel_brings_numpy_and_pyzmq_and_nothing_else(environment: Path) -> None:
    listing = [str(environment), "-m", "pip", "list", "--format=json"]
    listed = subprocess.run(listing, check=True, capture_output=True, text=True)
    names = {package["name"] for package in json.loads(listed.stdout)}
    assert names - {"pip", "setuptools"} == {"ringcast", "numpy", "pyzmq"}


def test_pixels_without_opencv_name_the_extra(environment: Path, tmp_path: Path) -> None:
    program = [str(environment), "-c", "import ringcast.pixels"]
    result = subprocess.run(program, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "pip install 'ringcast[opencv]'" in result.stderr


def check_seen(seen: dict[str, Any]) -> None:
    assert seen == {
        "version": version(),
        "source": "pattern://320x240@30",
        "online": True,
        "shape": [240, 320, 3],
        "moving": True,
    }


def test_vision_module_reads_the_video_modules_frames_with_the_installed_package(
    environment: Path, service: Services, tmp_path: Path
) -> None:
    service.video()
    program = [str(environment), "-c", VISION_MODULE, service.segment]
    # Not in the checkout: there "ringcast" could not be told from the folder shared/.
    result = subprocess.run(
        program, check=True, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    seen = json.loads(result.stdout)
    assert str(environment.parents[1]) in seen.pop("home")
    assert tuple(map(int, seen.pop("python").split("."))) >= (3, 11)
    check_seen(seen)


@pytest.mark.docker
def test_the_newest_python_reads_them_in_a_container_without_network(
    dist: Path, service: Services, tmp_path: Path
) -> None:
    (wheel,) = dist.glob("*.whl")
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:"]
    download += ["--python-version", "3.13", "--dest", str(tmp_path), str(wheel)]
    subprocess.run(download, check=True, capture_output=True, cwd=tmp_path)
    (tmp_path / "vision.py").write_text(VISION_MODULE, encoding="utf-8")
    service.video()
    program = (
        "python3 -m venv /tmp/venv && cd /tmp && "
        "venv/bin/pip install --quiet --no-index --find-links /wheels ringcast >&2 && "
        "venv/bin/python /wheels/vision.py " + service.segment
    )
    container = ["docker", "run", "--rm", "--ipc", "host", "--network", "none"]
    container += ["--volume", f"{tmp_path}:/wheels:ro", NEWEST]
    result = subprocess.run(
        [*container, "sh", "-c", program],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout)
    assert seen.pop("home").startswith("/tmp/venv/")  # noqa: S108 - of the container
    assert seen.pop("python") == "3.13"
    check_seen(seen)
