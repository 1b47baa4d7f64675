from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.doctor.camera import check
from services.doctor.finding import Finding, Level
from shared.settings import Settings
from tests.support.mjpeg_server import MjpegServer
from tests.support.pictures import telling_jpeg

if TYPE_CHECKING:
    from pathlib import Path


def look(source: str, *, live: bool = False) -> Finding:
    (found,) = check(Settings.model_validate({"video": {"source": source}}).video, live=live)
    return found


def test_a_pattern_gives_pictures() -> None:
    found = look("pattern://64x64@30")
    assert (found.level, found.text) == (Level.OK, "pattern://64x64@30 gives pictures.")


def test_a_running_video_modules_source_is_left_alone() -> None:
    assert "not tried" in look("v4l2:/dev/video77", live=True).text


@pytest.mark.parametrize(
    ("source", "why", "fix"),
    [
        ("v4l2:/dev/video77", "there is no /dev/video77", 'devices: ["/dev/video77:/dev/video77"]'),
        ("/no/such/clip.mp4", "there is no file", "VIDEO_FILE=/no/such/clip.mp4"),
        ("http://alice:secret@127.0.0.1:1/x", "refuses connections", ""),
    ],
)
def test_a_wrong_source_says_what_would_help(source: str, why: str, fix: str) -> None:
    found = look(source)
    assert found.level is Level.PROBLEM
    assert why in found.text
    assert fix in "".join(each.lines for each in found.fixes)
    assert "secret" not in found.text


def test_an_address_of_no_kind_is_a_problem() -> None:
    assert look("gopher://host/").level is Level.PROBLEM


def test_a_network_camera_and_a_file_that_is_no_video_are_told_apart(tmp_path: Path) -> None:
    with MjpegServer(telling_jpeg) as server:
        assert look(server.url).level is Level.OK
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    assert "not a video" in look(str(tmp_path / "clip.mp4")).text
