"""The pipelines of docs/recording.md; MediaMTX and go2rtc are not run, their files are read."""

from __future__ import annotations

import itertools
import os
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest
import yaml

from tests.support.mjpeg_client import MjpegClient
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
from tests.support.streams import assert_telling

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

SIZE: Final = (320, 240)
SHORTER: Final = {"-segment_time 600": "-segment_time 2"}


def recorded(folder: Path) -> list[Path]:
    """The files so far, oldest first, as their names say."""
    return sorted((folder / "recordings").glob("video-*"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["record-segments", "record-h264", "record-raw"])
def test_segments_hold_every_frame_once(running: Api, tmp_path: Path, name: str) -> None:
    program("ffmpeg")
    with going_on(recipe(name, running.url, SHORTER), tmp_path) as ffmpeg:

        def files() -> int:
            assert ffmpeg.poll() is None, (tmp_path / "output").read_text()
            return len(recorded(tmp_path))

        wait_until(lambda: files() >= 3, "two finished files and a third")
    segments = [pictures_of(path, size=SIZE) for path in recorded(tmp_path)]
    assert_pattern_colors(segments[0][-1])
    numbers = [sequences(segment) for segment in segments]
    assert len(numbers[1]) > 30, "two seconds of thirty"
    whole = list(itertools.chain(*numbers))
    assert whole == sorted(set(whole)), "each frame once, in order, from file to file"


@pytest.mark.slow
def test_recording_goes_on_after_the_api_was_restarted(service: Services, tmp_path: Path) -> None:
    program("ffmpeg")
    api = service.both()
    port = urlsplit(api.url).port
    with going_on(recipe("record-for-ever", api.url, SHORTER), tmp_path):
        wait_until(lambda: len(recorded(tmp_path)) >= 2, "a finished file")
        api.kill()
        seen = set(recorded(tmp_path))
        service.api(api__port=port).wait_ready()
        wait_until(lambda: len(set(recorded(tmp_path)) - seen) >= 2, "a finished file after it")
    new = sorted(set(recorded(tmp_path)) - seen)
    numbers = sequences(pictures_of(new[0], size=SIZE))
    assert len(numbers) > 30


def test_old_recordings_go(running: Api, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, age_s in (("video-old.mkv", 90_000), ("video-new.mkv", 80_000), ("mine", 90_000)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age_s,) * 2)
    run_shell(recipe("record-retention", running.url, {"recordings": "recordings"}), tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["mine", "video-new.mkv"]


@pytest.mark.slow
def test_what_mediamtx_starts_publishes_over_rtsp(running: Api, tmp_path: Path) -> None:
    video = yaml.safe_load(recipe("record-mediamtx", running.url))["paths"]["video"]
    assert video["record"] is True
    assert video["runOnInitRestart"] is True
    assert set(video) >= {"recordPath", "recordFormat", "recordSegmentDuration"}
    with rtsp_receiver(tmp_path / "received.mkv") as receiver:
        variables = f"RTSP_PORT={receiver.port} MTX_PATH=video; "
        command = video["runOnInit"].replace("localhost:$", "127.0.0.1:$")
        with going_on(variables + command, tmp_path):
            receiver.wait()
    images = pictures_of(receiver.saved, size=SIZE)
    assert_pattern_colors(images[-1])
    assert len(set(sequences(images))) > 30


def test_go2rtc_is_told_of_a_stream_that_is_there(running: Api) -> None:
    streams = yaml.safe_load(recipe("record-go2rtc", running.url))["streams"]
    assert streams["video_h264"] == "ffmpeg:video#video=h264"
    with MjpegClient(streams["video"]) as stream:
        assert_telling(stream.next_part())
