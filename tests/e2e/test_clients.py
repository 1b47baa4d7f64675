"""What clients see that no recipe asks for; recipes are run by tests/e2e/clients."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pytest

from shared.multipart import MultipartReader
from tests.support.mjpeg_client import get
from tests.support.pictures import bars_are_right, number_in, write_h264
from tests.support.recipes import assert_pattern_colors, program, sequences
from tests.support.streams import STREAM, assert_never_back, assert_telling

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from shared.multipart import Part
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

SIZE: Final = (320, 240)


def strictly(body: bytes) -> list[Part]:
    """Parse the body a client has saved, as far as it goes."""
    reader = MultipartReader(b"frame")
    reader.feed(body)
    parts = []
    while (part := reader.next_part()) is not None:
        parts.append(part)
    return parts


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1"])
def test_curl_saves_parts_without_a_byte_between_them(
    running: Api, tmp_path: Path, version: str
) -> None:
    saved, headers = tmp_path / "stream", tmp_path / "headers"
    command = [program("curl"), "--silent", version, "--max-time", "2"]
    command += ["--dump-header", str(headers), "--output", str(saved), running.url + STREAM]
    timed_out = 28
    assert subprocess.run(command, check=False, timeout=30).returncode == timed_out
    parts = strictly(saved.read_bytes())
    assert len(parts) >= 30
    assert_never_back(parts)
    for part in parts[::10]:
        assert_telling(part)
    assert b"chunked" not in headers.read_bytes().lower()


def test_ffmpeg_finds_out_by_itself_what_the_stream_is(running: Api) -> None:
    command = [program("ffmpeg"), "-loglevel", "error", "-i", f"{running.url}/stream/video"]
    command += ["-frames:v", "5", "-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=50)
    assert len(done.stdout) == 5 * SIZE[0] * SIZE[1] * 3
    assert done.stderr == b""


@pytest.mark.parametrize("query", ["", "?advance_headers=1"])
def test_opencv_reads_the_stream_as_a_camera(running: Api, query: str) -> None:
    capture = cv2.VideoCapture(running.url + STREAM + query, cv2.CAP_FFMPEG)
    try:
        assert capture.isOpened()
        images = []
        for _ in range(20):
            whole, image = capture.read()
            assert whole
            images.append(image.astype(np.uint8, copy=False))
    finally:
        capture.release()
    numbers = sequences(images)
    assert numbers == sorted(set(numbers))


def seen_by_ffmpeg(url: str, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """One picture as ffmpeg sees it, BGR."""
    command = [program("ffmpeg"), "-loglevel", "error", "-i", url]
    command += ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=50)
    return np.frombuffer(done.stdout, np.uint8).reshape(size[1], size[0], 3)


def seen_by_opencv(url: str) -> NDArray[np.uint8]:
    """One picture as OpenCV sees it, BGR."""
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG)
    try:
        whole, image = capture.read()
    finally:
        capture.release()
    assert whole
    return image.astype(np.uint8, copy=False)


@pytest.mark.parametrize("look", [seen_by_ffmpeg, seen_by_opencv])
def test_clients_see_the_colors_of_the_pattern(
    running: Api, look: Callable[[str], NDArray[np.uint8]]
) -> None:
    assert_pattern_colors(look(running.url + STREAM))


def test_h264_file_reaches_the_clients_in_its_own_colors(service: Services, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_h264(clip, frames=30, fps=30)
    api = service.both(str(clip))
    for look in (seen_by_ffmpeg, seen_by_opencv):
        image = look(api.url + STREAM)
        assert bars_are_right(image)
        assert number_in(image) is not None


def test_pictures_encoded_in_stripes_look_right_to_every_client(service: Services) -> None:
    api = service.both(
        "pattern://1280x720@15", api__workers=1, api__stream__performance__encoder_threads=2
    )
    _, _, jpeg = get(f"{api.url}{STREAM}/frame")
    assert b"\xff\xdd\x00\x04" in jpeg[:2000], "restart markers: it was put together of stripes"
    assert_pattern_colors(seen_by_ffmpeg(api.url + STREAM, (1280, 720)))
    assert_pattern_colors(seen_by_opencv(api.url + STREAM))
