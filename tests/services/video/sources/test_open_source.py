"""Every kind of address becomes its kind of source, with its settings; anything else is refused."""

from __future__ import annotations

import pytest

from services.video.sources import open_source
from services.video.sources.device import DeviceSource
from services.video.sources.file import FileSource
from services.video.sources.http_stream import HttpStreamSource
from services.video.sources.network import NetworkSource
from services.video.sources.pattern import PatternSource
from shared.errors import ConfigError
from shared.settings_schema import VideoSettings


@pytest.mark.parametrize(
    ("source", "kind", "label"),
    [
        ("pattern://640x480@5", PatternSource, "pattern://640x480@5"),
        ("clips/a.mp4", FileSource, "file:clips/a.mp4"),
        ("1", DeviceSource, "v4l2:/dev/video1"),
        ("rtsp://admin:hunter2@cam/live", NetworkSource, "rtsp://cam/live"),
        ("http://cam:8000/stream.mjpg", NetworkSource, "http://cam:8000/stream.mjpg"),
        ("http://cam/stream/a/raw", NetworkSource, "http://cam/stream/a/raw"),
        ("http://cam:8000/stream/video", HttpStreamSource, "http://cam:8000/stream/video"),
        ("https://x:y@n/stream/video/shm?fps=5", HttpStreamSource, "https://n/stream/video/shm"),
    ],
)
def test_address_becomes_a_source(source: str, kind: type, label: str) -> None:
    opened = open_source(VideoSettings(source=source))

    assert isinstance(opened, kind)
    assert opened.label == label


@pytest.mark.parametrize("source", ["gopher://admin:hunter2@x", "pattern://1x1", "rtsp://", " "])
def test_impossible_address_is_a_setting_to_correct(source: str) -> None:
    with pytest.raises(ConfigError) as error:
        open_source(VideoSettings(source=source))

    assert error.value.problems[0].startswith("video.source: ")
    assert "hunter2" not in str(error.value)
