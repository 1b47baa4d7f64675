"""Uncompressed frames end to end: as multipart, as Y4M, one by one, to NumPy and to ffmpeg."""

from __future__ import annotations

import http.client
import io
import json
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from shared.frame_code import read_codes
from tests.support.mjpeg_client import MjpegClient, get
from tests.support.pictures import bars_are_right, telling_jpeg, write_mjpeg
from tests.support.processes import wait_until
from tests.support.streams import STREAM, assert_never_back, status

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from shared.multipart import Part
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

BARS = ((0, 0, 255), (0, 255, 0), (255, 0, 0), (0, 255, 255), (255, 255, 0), (255, 0, 255))
"""Blue, green, red of the pattern's bars but white and black, from left to right."""


def image_of(part: Part) -> NDArray[np.uint8]:
    shape = [int(axis) for axis in part.headers["x-shape"].split(",")]
    return np.frombuffer(part.jpeg, part.headers["x-dtype"]).reshape(shape).astype(np.uint8)


def bar_colors(image: NDArray[np.uint8]) -> list[list[int]]:
    """The pattern's bars in an image of 320x240, measured in the middle of each."""
    rows = image[200:236]
    saturated = rows.max(axis=2).astype(int) - rows.min(axis=2) > 150
    row = 200 + int(saturated.sum(axis=1).argmax())
    columns = np.flatnonzero(saturated[row - 200])
    width = (columns[-1] + 1 - columns[0]) / 6
    at = [int(columns[0] + (bar + 0.5) * width) for bar in range(6)]
    return [[int(level) for level in image[row, column]] for column in at]


def assert_bars(image: NDArray[np.uint8], tolerance: int) -> None:
    assert np.abs(np.subtract(bar_colors(image), BARS)).max() <= tolerance


def test_parts_are_frames_that_numpy_reads(running: Api) -> None:
    for path in (f"{STREAM}/raw", "/stream/video/raw"):
        with MjpegClient(running.url + path) as client:
            parts = list(client.parts(10))
        assert_never_back(parts)
        for part in parts:
            image = image_of(part)
            top, bottom = read_codes(image)
            assert top is not None
            assert top == bottom
            assert top.sequence == part.number
            assert part.headers["x-pixel-format"] == "BGR24"
            assert int(part.headers["x-stride"]) == image.shape[1] * 3
        assert_bars(image_of(parts[-1]), 0)


def test_order_size_and_rate_are_as_asked_for(running: Api) -> None:
    query = "pixel_format=rgb24&width=160&fps=10"
    with MjpegClient(f"{running.url}{STREAM}/raw?{query}") as client:
        client.next_part()
        started = time.monotonic()
        parts = list(client.parts(10))
    assert time.monotonic() - started > 0.7
    assert parts[0].headers["x-pixel-format"] == "RGB24"
    assert image_of(parts[0]).shape == (120, 160, 3)
    with MjpegClient(f"{running.url}{STREAM}/raw?pixel_format=gray8") as client:
        assert image_of(client.next_part()).shape == (240, 320)


def test_all_clients_are_sent_one_copy(running: Api) -> None:
    path = f"{running.url}{STREAM}/raw?pixel_format=gray8"
    with MjpegClient(path) as one, MjpegClient(path) as other:
        ours = {part.number: part.jpeg for part in one.parts(20)}
        theirs = {part.number: part.jpeg for part in other.parts(20)}
    common = ours.keys() & theirs.keys()
    assert common
    assert all(ours[number] == theirs[number] for number in common)


def test_cameras_jpegs_are_decoded(service: Services, tmp_path: Path) -> None:
    file = tmp_path / "camera.mjpeg"
    write_mjpeg(file, [telling_jpeg(number) for number in range(30)], 30)
    api = service.both(f"file://{file}")
    with MjpegClient(f"{api.url}{STREAM}/raw") as client:
        part = client.next_part()
    assert part.headers["x-pixel-format"] == "BGR24"
    assert bars_are_right(image_of(part))


def test_ffmpeg_reads_y4m_with_the_right_colors(running: Api) -> None:
    done = subprocess.run(
        [
            *("ffmpeg", "-hide_banner", "-loglevel", "info", "-f", "yuv4mpegpipe"),
            *("-i", f"{running.url}{STREAM}/raw?format=y4m", "-frames:v", "20"),
            *("-f", "rawvideo", "-pix_fmt", "bgr24", "-"),
        ],
        capture_output=True,
        check=True,
        timeout=60,
    )
    images = np.frombuffer(done.stdout, np.uint8).reshape(20, 240, 320, 3)
    numbers = []
    for image in images:
        top, bottom = read_codes(image)
        assert top is not None
        assert top == bottom
        numbers.append(top.sequence)
        assert_bars(image, 12)
    assert numbers == sorted(set(numbers))
    assert b"yuv420p(tv" in done.stderr
    assert b"30 fps" in done.stderr


def test_blanks_flow_as_frames_while_the_video_module_is_gone(service: Services) -> None:
    api = service.both()
    (video, *_) = service.children
    with MjpegClient(f"{api.url}{STREAM}/raw") as client:
        client.next_part()
        video.kill()
        blank = next(part for part in client.parts(100) if not part.online)
        assert image_of(blank).shape == (240, 320, 3)
        service.video()
        again = next(part for part in client.parts(100) if part.online)
        assert again.epoch > blank.epoch


def test_y4m_ends_where_the_camera_comes_back_with_another_size(service: Services) -> None:
    api = service.both()
    (video, *_) = service.children
    address = urlsplit(api.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    connection.request("GET", f"{STREAM}/raw?format=y4m")
    answer = connection.getresponse()
    assert answer.getheader("Content-Type") == "video/x-yuv4mpeg"
    assert answer.read(40).startswith(b"YUV4MPEG2 W320 H240 F30:1 ")
    video.stop()
    service.video("pattern://160x120@30")
    answer.read()  # to its end
    connection.close()
    api.wait_for_log("the camera went from 320x240 to 160x120: Y4M cannot")


def test_client_that_is_slow_gets_the_newest_whole_frame(service: Services) -> None:
    api = service.both("pattern://1280x720@30")
    path = f"{api.url}{STREAM}/raw"
    with MjpegClient(path, receive_buffer_bytes=65536) as slow:
        slow.next_part()
        with MjpegClient(path) as quick:
            list(quick.parts(30))  # the slow one reads nothing meanwhile
            newest = quick.next_part().number
        late = [slow.next_part() for _ in range(4)]
        for part in late:
            top, bottom = read_codes(image_of(part))
            assert top is not None
            assert top == bottom
            assert top.sequence == part.number
        assert late[-1].number >= newest, "not one of those in between"
        assert status(api)["dropped"] > 10


def test_raw_memory_is_bounded_by_refusing_clients(service: Services) -> None:
    api = service.both("pattern://1280x720@30", api__limits__max_raw_mb=6)
    path = f"{STREAM}/raw"
    with MjpegClient(api.url + path) as one, MjpegClient(api.url + path) as two:
        one.next_part()
        two.next_part()
        code, headers, body = get(api.url + path)
        assert code == 503
        assert int(headers["retry-after"]) >= 1
        assert json.loads(body)["setting"] == "api.limits.max_raw_mb"
        with MjpegClient(f"{api.url}{path}?pixel_format=gray8&width=320") as small:
            assert image_of(small.next_part()).shape == (180, 320)
        one.close()
        wait_until(lambda: status(api)["clients"] <= 1, "one has left")
        with MjpegClient(api.url + path) as again:
            again.next_part()


def test_one_frame_is_read_as_pixels_and_as_a_numpy_file(running: Api) -> None:
    for path in ("/stream/video/frame/raw", f"{STREAM}/frame/raw"):
        code, headers, body = get(running.url + path)
        assert code == 200
        shape = [int(axis) for axis in headers["x-shape"].split(",")]
        image = np.frombuffer(body, np.uint8).reshape(shape)
        top, _ = read_codes(image)
        assert top is not None
        assert top.sequence == int(headers["x-frame-number"])
        _, headers, body = get(f"{running.url}{path}?format=npy")
        assert headers["content-type"] == "application/x-npy"
        assert np.load(io.BytesIO(body)).shape == image.shape


def test_following_frame_by_frame_repeats_none_and_never_goes_back(running: Api) -> None:
    code, headers, _ = get(f"{running.url}/stream/video/frame?max_age=1000")
    assert code == 200
    numbers = [int(headers["x-frame-number"])]
    for _ in range(15):
        epoch, number = headers["x-epoch"], numbers[-1]
        path = f"/stream/video/frame?after={epoch}-{number}&wait=5000&width=64"
        code, headers, _ = get(running.url + path)
        assert code == 200
        numbers.append(int(headers["x-frame-number"]))
    assert numbers == sorted(set(numbers))


def test_polling_client_that_has_the_frame_is_sent_no_picture(service: Services) -> None:
    api = service.both("pattern://320x240@1")
    _, headers, _ = get(f"{api.url}/stream/video/frame")  # fresh: the next is a second away
    known = {"If-None-Match": headers["etag"]}
    encoded = status(api)["encoded"]
    code, same, body = get(f"{api.url}/stream/video/frame?max_age=60000", headers=known)
    assert (code, same["etag"], body) == (304, headers["etag"], b"")
    assert status(api)["encoded"] == encoded
    code, _, _ = get(f"{api.url}/stream/video/frame", headers=known)
    assert code == 200, "it waited for a newer one"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_last_picture_outlives_the_video_module(service: Services, end: signal.Signals) -> None:
    api = service.both(video__shared_memory_attach_timeout_sec=0.6)
    (video, *_) = service.children
    _, headers, _ = get(f"{api.url}/stream/video/frame?max_age=60000")
    video.signal(end)
    wait_until(lambda: not status(api)["online"], "the loss")
    code, refused, _ = get(f"{api.url}/stream/video/frame")
    assert code == 503
    assert int(refused["retry-after"]) >= 1
    code, stale, body = get(f"{api.url}/stream/video/frame?stale=ok&format=png")
    assert code == 200
    assert (stale["x-stale"], stale["x-online"]) == ("1", "0")
    assert int(stale["x-frame-number"]) >= int(headers["x-frame-number"])
    image = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    top, _ = read_codes(image.astype(np.uint8))
    assert top is not None
    assert top.sequence == int(stale["x-frame-number"])
    service.video()
    wait_until(lambda: api.answers("/stream/video/frame") == 200, "pictures again")
    _, fresh, _ = get(f"{api.url}/stream/video/frame?stale=ok")
    assert "x-stale" not in fresh


def test_long_poll_over_a_restart_is_answered_by_the_next_life(service: Services) -> None:
    api = service.both(video__shared_memory_attach_timeout_sec=30)
    (video, *_) = service.children
    _, headers, _ = get(f"{api.url}/stream/video/frame")
    after = f"{headers['x-epoch']}-{int(headers['x-frame-number']) + 10_000}"
    with ThreadPoolExecutor(1) as pool:
        path = f"{api.url}/stream/video/frame?after={after}&wait=60000"
        waiting = pool.submit(get, path, timeout_s=60.0)
        video.stop()
        service.video()
        code, fresh, _ = waiting.result()
    assert code == 200
    assert int(fresh["x-epoch"]) > int(headers["x-epoch"])
