"""Sixteen cameras at once, as benchmarks/cameras.py runs them, and every one goes on."""

from __future__ import annotations

import os

import pytest

from benchmarks.camera_site import Site, Window, pss_mb, site
from shared.frame_code import read_codes
from shared.naming import segment_paths
from tests.support.video import Watcher, wait_for

CAMERAS = 16


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_sixteen_cameras_of_720p30_all_go_on_with_pictures_of_their_own() -> None:
    with site(CAMERAS) as running:
        assert len(running.videos()) == CAMERAS
        window = Window(running)
        window()
        before = running.heads()
        assert len(before) == CAMERAS
        wait_for(lambda: advanced(running, before, frames=30), "30 frames more of each", 120.0)
        window()
        check_pictures(running)
        result = window.result()
        assert result["cameras"] == CAMERAS
        assert 0 < result["fps_lowest"] <= result["fps_highest"]
        assert result["cores"]["videos"] > 0
        assert result["video_pss_mb"]["all"] > result["video_pss_mb"]["shared"] > 0


def advanced(running: Site, before: dict[str, int], *, frames: int) -> bool:
    now = running.heads()
    return all(now.get(name, 0) >= head + frames for name, head in before.items())


def check_pictures(running: Site) -> None:
    """The newest picture of every camera says the number that its ring says."""
    for name in running.cameras:
        watcher = Watcher(segment_paths(name))
        info, image = watcher.wait(lambda info: info.online, f"picture of {name}")
        assert image.shape == (720, 1280, 3)
        top, bottom = read_codes(image)
        assert top is not None
        assert top == bottom
        assert top.sequence == info.sequence
        watcher.close()


def test_memory_is_told_by_kind() -> None:
    found = pss_mb([os.getpid()])
    assert found["all"] >= found["private"] > 0
    assert pss_mb([]) == dict.fromkeys(("private", "files", "shared", "all"), 0.0)
