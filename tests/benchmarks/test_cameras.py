"""The short form of benchmarks/cameras.py: sixteen cameras at once, and every one goes on."""

from __future__ import annotations

import os

import pytest

from benchmarks.cameras import Site, Window, clients_of, pss_mb, site
from shared.frame_code import read_codes
from shared.naming import segment_paths
from tests.support.video import Watcher, wait_for

CAMERAS = 16


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(180)
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


def test_clients_are_summed_up_by_the_worst_of_them() -> None:
    ages = {"count": 3, "p50": 1.0, "p95": 2.0, "p99": 3.0}
    report = {
        "window_s": 2.0,
        "cpu_cores": 0.1,
        "closed_by_server": 1,
        "connect_errors": 0,
        "bad_answers": 0,
        "bad_parts": 2,
        "groups": [
            {"frames": [60], "bytes": [500_000], "age_ms": ages},
            {"frames": [40], "bytes": [500_000], "age_ms": ages | {"p95": 9.0}},
            {"frames": [0], "bytes": [0], "age_ms": {"count": 0}},
        ],
    }
    assert clients_of(report) == {
        "fps_lowest": 0.0,
        "fps_mean": 16.67,
        "mbit_per_s": 4.0,
        "age_ms_worst": {"p50": 1.0, "p95": 9.0, "p99": 3.0},
        "faults": 3,
        "client_cores": 0.1,
    }


def test_memory_is_told_by_kind() -> None:
    found = pss_mb([os.getpid()])
    assert found["all"] >= found["private"] > 0
    assert pss_mb([]) == dict.fromkeys(("private", "files", "shared", "all"), 0.0)
