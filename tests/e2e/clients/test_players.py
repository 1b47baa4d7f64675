"""VLC, mpv and GStreamer, as docs/clients.md has them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from tests.support.processes import wait_until
from tests.support.recipes import (
    assert_pattern_colors,
    jpegs_in,
    program,
    recipe,
    run_shell,
    sequences,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tests.support.processes import Api

pytestmark = [pytest.mark.process, pytest.mark.e2e]


def read(paths: list[Path]) -> list[NDArray[np.uint8]]:
    """The pictures in some files, BGR."""
    images = [cv2.imread(str(path), cv2.IMREAD_COLOR) for path in paths]
    return [image.astype(np.uint8, copy=False) for image in images if image is not None]


@contextlib.contextmanager
def somebodys_folder() -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder, and whom a program has to be run as to write there: VLC refuses to be root."""
    with tempfile.TemporaryDirectory(prefix="ringcast-player-") as name:
        if os.geteuid() != 0:
            yield Path(name), {}
            return
        shutil.chown(name, "nobody", "nogroup")
        yield Path(name), {"user": "nobody", "group": "nogroup", "extra_groups": []}


def test_vlc_saves_the_pictures(running: Api) -> None:
    program("cvlc")
    with somebodys_folder() as (folder, somebody):
        saved = folder / "video.mjpeg"
        with subprocess.Popen(
            ["sh", "-eu", "-c", recipe("vlc-record", running.url)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            start_new_session=True,
            **somebody,
        ) as playing:
            try:
                wait_until(
                    lambda: saved.exists() and saved.stat().st_size > 600_000, "pictures of VLC"
                )
            finally:
                os.killpg(playing.pid, signal.SIGKILL)
        images = jpegs_in(saved.read_bytes())
    assert len(images) >= 20
    assert_pattern_colors(images[0])
    numbers = sequences(images)
    assert numbers == sorted(set(numbers)), "each frame once, in order"


def test_mpv_shows_every_picture(
    running: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own configuration file makes it draw into files, and stop."""
    program("mpv")
    settings = ["vo=image", "vo-image-format=png", f"vo-image-outdir={tmp_path}/shown"]
    settings += ["frames=20", "ao=null"]
    (tmp_path / "mpv.conf").write_text("\n".join(settings), encoding="utf-8")
    monkeypatch.setenv("MPV_HOME", str(tmp_path))
    run_shell(recipe("mpv-watch", running.url), tmp_path)
    images = read(sorted((tmp_path / "shown").glob("*.png")))
    assert len(images) == 20
    assert_pattern_colors(images[0])
    numbers = sequences(images)
    assert numbers == sorted(set(numbers)), "each frame once, in order"


def test_gstreamer_takes_the_stream_apart(running: Api, tmp_path: Path) -> None:
    program("gst-launch-1.0")
    run_shell(recipe("gst-frames", running.url), tmp_path)
    images = read(sorted(tmp_path.glob("frame-*.png")))
    assert len(images) == 20
    assert_pattern_colors(images[0])
    numbers = sequences(images)
    assert numbers == sorted(set(numbers)), "each frame once, in order"
