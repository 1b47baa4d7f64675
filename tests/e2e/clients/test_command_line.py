"""curl, wget and ffmpeg, as docs/clients.md has them."""

from __future__ import annotations

import itertools
import json
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from shared.multipart import MultipartReader
from tests.support.processes import wait_until
from tests.support.recipes import (
    assert_pattern_colors,
    going_on,
    pictures_of,
    program,
    recipe,
    rtsp_receiver,
    run_shell,
    sequences,
)
from tests.support.streams import assert_never_back, assert_telling, picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Api

pytestmark = [pytest.mark.process, pytest.mark.e2e]

SIZE: Final = (320, 240)
FPS: Final = 30
SHORTER: Final = {"-t 60": "-t 2"}


def test_curl_saves_a_stream(running: Api, tmp_path: Path) -> None:
    program("curl")
    run_shell(recipe("curl-stream", running.url, {"--max-time 60": "--max-time 2"}), tmp_path)
    reader = MultipartReader(b"frame")
    reader.feed((tmp_path / "video.mjpeg").read_bytes())
    parts = list(iter(reader.next_part, None))
    assert 10 <= len(parts) <= 22, "ten a second"
    assert_never_back(parts)
    for part in parts:
        assert_telling(part)


@pytest.mark.parametrize(("client", "name"), [("curl", "curl-frame"), ("wget", "wget-frame")])
def test_one_picture_is_saved(running: Api, tmp_path: Path, client: str, name: str) -> None:
    program(client)
    run_shell(recipe(name, running.url), tmp_path)
    image = picture((tmp_path / "picture.jpg").read_bytes())
    assert_pattern_colors(image)
    assert len(sequences([image])) == 1


def test_curl_gets_the_status(running: Api, tmp_path: Path) -> None:
    status = json.loads(run_shell(recipe("curl-status", running.url), tmp_path))
    assert status["online"] is True
    assert status["fps"] > 0


def moments(path: Path) -> list[float]:
    """When each picture of a file is to be shown, seconds."""
    command = ["ffprobe", "-loglevel", "error", "-select_streams", "v", "-of", "csv=p=0"]
    command += ["-show_entries", "packet=pts_time", str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30, text=True)
    return sorted(float(line.strip(",")) for line in done.stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "file"), [("ffmpeg-record", "video.mp4"), ("ffmpeg-copy", "video.mkv")]
)
def test_ffmpeg_records_every_frame_at_its_true_time(
    running: Api, tmp_path: Path, name: str, file: str
) -> None:
    program("ffmpeg")
    run_shell(recipe(name, running.url, SHORTER), tmp_path)
    images = pictures_of(tmp_path / file, size=SIZE)
    assert_pattern_colors(images[-1])
    numbers = sequences(images)
    assert len(numbers) > FPS
    assert numbers == sorted(set(numbers)), "each frame once, in order"
    shown = moments(tmp_path / file)
    by_number = (numbers[-1] - numbers[0]) / FPS
    assert shown[-1] - shown[0] == pytest.approx(by_number, abs=0.2), "25 fps would be 0.4 s off"
    assert all(later >= earlier for earlier, later in itertools.pairwise(shown))


@pytest.mark.slow
def test_ffmpeg_records_uncompressed_frames(running: Api, tmp_path: Path) -> None:
    program("ffmpeg")
    run_shell(recipe("ffmpeg-raw", running.url, SHORTER), tmp_path)
    images = pictures_of(tmp_path / "video.mp4", size=SIZE)
    assert_pattern_colors(images[-1])
    numbers = sequences(images)
    assert len(numbers) > FPS
    assert numbers == sorted(set(numbers)), "each frame once, in order"


@pytest.mark.slow
def test_ffmpeg_makes_hls(running: Api, tmp_path: Path) -> None:
    with going_on(recipe("ffmpeg-hls", running.url), tmp_path) as ffmpeg:
        playlist = tmp_path / "live.m3u8"

        def segments() -> int:
            assert ffmpeg.poll() is None, (tmp_path / "output").read_text()
            return playlist.read_text().count("#EXTINF") if playlist.exists() else 0

        wait_until(lambda: segments() >= 2, "two segments in the playlist")
        text = playlist.read_text()
        durations = [float(line[8:].rstrip(",")) for line in text.split() if "#EXTINF" in line]
        assert all(1.8 <= duration <= 2.5 for duration in durations)
        images = pictures_of(tmp_path / "live0.ts", size=SIZE)
    assert_pattern_colors(images[-1])
    numbers = sequences(images)
    assert len(set(numbers)) > FPS
    assert numbers == sorted(numbers), "of a fixed rate: one may be there twice, none goes back"


@pytest.mark.slow
def test_ffmpeg_sends_rtsp_to_a_server(running: Api, tmp_path: Path) -> None:
    with rtsp_receiver(tmp_path / "received.mkv") as receiver:
        replaced = {"rtsp://localhost:8554/video": receiver.url}
        with going_on(recipe("ffmpeg-rtsp", running.url, replaced), tmp_path):
            receiver.wait()
    images = pictures_of(receiver.saved, size=SIZE)
    assert_pattern_colors(images[-1])
    numbers = sequences(images)
    assert len(set(numbers)) > FPS
    assert numbers == sorted(numbers), "of a fixed rate: one may be there twice, none goes back"
