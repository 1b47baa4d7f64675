"""The recipes of the documentation, as their readers copy them, and the programs they need."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from services.video.sources.scene import bar_centers
from shared.frame_code import read_codes
from tests.support.processes import wait_until
from tests.support.streams import picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

__all__ = [
    "CLIENTS",
    "QUICKSTART",
    "README",
    "RECORDING",
    "Recipe",
    "assert_pattern_colors",
    "going_on",
    "jpegs_in",
    "pictures_of",
    "program",
    "recipe",
    "recipes",
    "rtsp_receiver",
    "run_shell",
    "sequences",
]

_ROOT: Final = Path(__file__).resolve().parents[2]
_DOCS: Final = _ROOT / "docs"
README: Final = _ROOT / "README.md"
CLIENTS: Final = _DOCS / "clients.md"
QUICKSTART: Final = _DOCS / "quickstart.md"
RECORDING: Final = _DOCS / "recording.md"
ADDRESS: Final = "localhost:8000"
_BLOCK: Final = re.compile(
    r"^<!-- recipe: ([a-z0-9-]+) -->\n```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Recipe:
    """One block of the page.

    Attributes:
        language: Of the block; empty where it has none.
        text: Word for word.
    """

    language: str
    text: str


def recipes(*pages: Path) -> dict[str, Recipe]:
    """Every recipe of the pages, by its name."""
    found = _BLOCK.findall("".join(page.read_text(encoding="utf-8") for page in pages))
    return {name: Recipe(language, text) for name, language, text in found}


def recipe(name: str, url: str, replaced: Mapping[str, str] | None = None) -> str:
    """The text of a recipe for the server under test.

    Args:
        name: As in the comment above the block.
        url: Takes the place of ``http://localhost:8000``.
        replaced: What else changes: numbers of seconds, addresses of this machine. Each must
            stand in the text.
    """
    text = recipes(CLIENTS, QUICKSTART, RECORDING, README)[name].text
    assert ADDRESS in text or replaced
    for old, new in (replaced or {}).items():
        assert old in text, f"the recipe {name} does not say {old!r} any more"
        text = text.replace(old, new)
    return text.replace(ADDRESS, url.partition("://")[2])


def program(name: str) -> str:
    """Find a program; the real clients are part of what is promised, so none is skipped."""
    path = shutil.which(name)
    assert path is not None, f"{name} is not installed; see tests/apt-packages.txt"
    return path


def run_shell(text: str, folder: Path) -> bytes:
    """Run a recipe in a shell, in a folder, to its end, and give what it printed.

    Raises:
        AssertionError: It failed; with everything it said.
    """
    done = subprocess.run(
        ["sh", "-eu", "-c", text], cwd=folder, capture_output=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


@contextlib.contextmanager
def going_on(text: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a recipe that has no end of its own, and end it as Ctrl-C does."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-eu", "-c", text],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.wait(15)


@dataclass
class Receiver:
    """Somebody who takes one stream over RTSP and saves two seconds of it.

    Attributes:
        port: Where it listens, on the loopback.
        saved: The file.
        process: The program.
    """

    port: int
    saved: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where to publish."""
        return f"rtsp://127.0.0.1:{self.port}/video"

    def wait(self) -> None:
        """Wait until it has saved what it wants."""
        assert self.process.wait(40) == 0


@contextlib.contextmanager
def rtsp_receiver(saved: Path) -> Iterator[Receiver]:
    """Play an RTSP server with ffmpeg."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [program("ffmpeg"), "-loglevel", "error", "-rtsp_flags", "listen", "-timeout", "20"]
    command += ["-i", f"rtsp://127.0.0.1:{port}/video", "-t", "2", "-c", "copy", str(saved)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _listens(port), "the RTSP server")
            yield Receiver(port, saved, process)
        finally:
            process.kill()


def _listens(port: int) -> bool:
    """Whether somebody takes connections there; a connection to see would be its only client."""
    listing = subprocess.run(["ss", "-Htln"], capture_output=True, text=True, check=True)
    return f"127.0.0.1:{port} " in listing.stdout


def pictures_of(path: Path, *, size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Every picture of a video file or playlist once, BGR."""
    command = ["ffmpeg", "-loglevel", "error", "-i", str(path), "-fps_mode", "passthrough"]
    command += ["-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=50)
    width, height = size
    return list(np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3))


def jpegs_in(body: bytes) -> list[NDArray[np.uint8]]:
    """The whole JPEGs that lie in some bytes, decoded: BGR."""
    return [picture(jpeg) for jpeg in re.findall(rb"\xff\xd8\xff.*?\xff\xd9", body, re.DOTALL)]


def sequences(images: list[NDArray[np.uint8]]) -> list[int]:
    """The numbers in some pictures of the pattern, top equal to bottom."""
    numbers = []
    for image in images:
        top, bottom = read_codes(image)
        assert top is not None
        assert top == bottom
        numbers.append(top.sequence)
    return numbers


def assert_pattern_colors(image: NDArray[np.uint8]) -> None:
    """Compare the test pattern's bars with what they are: (blue, green, red)."""
    height, width = image.shape[:2]
    wanted = {
        "red": (0, 0, 255),
        "green": (0, 255, 0),
        "blue": (255, 0, 0),
        "yellow": (0, 255, 255),
        "cyan": (255, 255, 0),
        "magenta": (255, 0, 255),
        "white": (255, 255, 255),
        "black": (0, 0, 0),
    }
    for (name, color), (x, y) in zip(wanted.items(), bar_centers(width, height), strict=True):
        error = np.abs(image[y, x].astype(int) - color).max()
        assert error <= 40, f"{name} is {image[y, x].tolist()}"
