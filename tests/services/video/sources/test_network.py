"""Servers that refuse, are silent or send something else: each gets its own sentence."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import cv2
import pytest

from services.video.sources import network
from services.video.sources.network import NetworkSource
from services.video.sources.source import PictureResized
from shared.errors import SourceUnavailable
from tests.support.capture import FakeCapture
from tests.support.mjpeg_server import MjpegServer
from tests.support.pictures import number_in, telling_jpeg, telling_picture
from tests.support.rtsp_server import RtspServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.ring.writer import RingWriter


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Somebody listens there, accepts, and never says a word."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """Nobody listens there."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_refused_connection_names_the_place(scheme: str, closed_port: int) -> None:
    source = NetworkSource(f"{scheme}://127.0.0.1:{closed_port}/live")

    with pytest.raises(SourceUnavailable, match=f"127.0.0.1:{closed_port} refuses connections"):
        source.open()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_silent_server_is_given_up_after_the_open_timeout(scheme: str, silent_port: int) -> None:
    source = NetworkSource(f"{scheme}://127.0.0.1:{silent_port}/live", open_timeout_s=0.5)
    started_s = time.monotonic()

    with pytest.raises(SourceUnavailable, match="is there but sends no video"):
        source.open()
    assert time.monotonic() - started_s >= 0.5


@pytest.mark.parametrize("host", ["camera.invalid", "camera..invalid", "x" * 70])
def test_unknown_host_says_so(host: str) -> None:
    with pytest.raises(SourceUnavailable, match=f"there is no host named {host}"):
        NetworkSource(f"rtsp://{host}/live").open()


def test_wrong_path_is_told_by_the_servers_answer() -> None:
    with MjpegServer(telling_jpeg) as server:
        source = NetworkSource(server.url + "/wrong?action=stream")
        with pytest.raises(SourceUnavailable, match="answers 404 Not Found"):
            source.open()
        assert server.requests[-1] == "/stream/wrong?action=stream"


@pytest.mark.parametrize("path", ["/@door/video", "/video?mail=admin@example", "/tür"])
def test_at_sign_and_umlaut_behind_the_host_are_no_part_of_it(path: str) -> None:
    with (
        MjpegServer(telling_jpeg) as server,
        pytest.raises(SourceUnavailable, match=f"127.0.0.1:{server.port} answers 404 Not Found"),
    ):
        NetworkSource(f"http://127.0.0.1:{server.port}{path}").open()


def test_missing_password_is_told_by_the_servers_answer_and_the_right_one_works() -> None:
    token = base64.b64encode(b"admin:hunter2").decode()
    with MjpegServer(telling_jpeg, authorization=f"Basic {token}") as server:
        with pytest.raises(SourceUnavailable, match="answers 401 Unauthorized"):
            NetworkSource(server.url).open()

        source = NetworkSource(server.url.replace("http://", "http://admin:hunter2@"))
        source.open()
        source.grab()
        source.close()


def test_right_password_for_the_wrong_path_is_no_password_problem() -> None:
    """FFmpeg sends user and password; a diagnosis without them would blame those."""
    token = base64.b64encode(b"admin:hunter@2").decode()
    with MjpegServer(lambda _number: b"no picture", authorization=f"Basic {token}") as server:
        url = server.url.replace("http://", "http://admin:hunter%402@")
        with pytest.raises(SourceUnavailable, match="is there but sends no video"):
            NetworkSource(url, open_timeout_s=0.5).open()


def test_server_that_answers_a_byte_at_a_time_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each byte within a limit per read; the limit for the whole is what ends it."""
    monkeypatch.setattr(network, "_DIAGNOSIS_TIMEOUT_S", 0.3)
    stop = threading.Event()

    def drip(server: socket.socket) -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):  # closed by the client, or in the end by the test
                connection, _ = server.accept()
                with connection:
                    while not stop.wait(0.05):
                        connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as server:
        dripping = threading.Thread(target=drip, args=(server,))
        dripping.start()
        port = server.getsockname()[1]
        source = NetworkSource(
            f"http://127.0.0.1:{port}/", make_capture=FakeCapture([], opens=False)
        )
        with pytest.raises(SourceUnavailable, match="is there but sends no video"):
            source.open()
        stop.set()
        server.shutdown(socket.SHUT_RDWR)
        dripping.join(5)
    assert not dripping.is_alive()


def test_server_that_falls_silent_is_given_up_after_the_read_timeout() -> None:
    with MjpegServer(telling_jpeg, stall_after=3) as server:
        source = NetworkSource(server.url, read_timeout_s=0.5)
        source.open()
        for _ in range(3):
            source.grab()
        started_s = time.monotonic()
        with pytest.raises(SourceUnavailable, match=r"sent nothing for 0\.5 s"):
            source.grab()
        assert time.monotonic() - started_s >= 0.4
        source.close()


@pytest.mark.parametrize("passthrough", [True, False])
def test_parts_of_a_type_that_ffmpeg_refuses_are_told_from_silence(*, passthrough: bool) -> None:
    """It opens, and ends without a picture, in no time: nobody was silent for 5 s."""
    with MjpegServer(telling_jpeg, pictures=2) as server:
        source = NetworkSource(f"{server.url}?type=jpg", passthrough=passthrough)
        with pytest.raises(SourceUnavailable, match=r"no picture .* must be image/jpeg"):
            open_and_grab(source)
        source.close()


def open_and_grab(source: NetworkSource) -> None:
    source.open()
    source.grab()


def changing_jpeg(number: int) -> bytes:
    """Telling pictures that change their size and lose their colors on the way."""
    image = telling_picture(number, *((320, 240) if number < 5 else (640, 480)))
    encoded, data = cv2.imencode(".jpg", image[:, :, 1] if number >= 10 else image)
    assert encoded
    return bytes(data)


def test_stream_that_changes_size_and_color_goes_on(writer: RingWriter) -> None:
    """OpenCV scales to the first size; should it ever stop that, the loop copes with it too."""
    with MjpegServer(changing_jpeg, pictures=15) as server:
        source = NetworkSource(server.url)
        source.open()
        seen = []
        for _ in range(15):
            slot = writer.begin(source.grab().geometry)
            try:
                source.retrieve(slot)
                image = slot.image
            except PictureResized as resized:
                image = resized.image
            seen.append(number_in(image))
        source.close()

    assert seen == list(range(15))


def test_rtsp_is_asked_for_over_tcp(h264_file: Path) -> None:
    """UDP loses packets, and half a picture is worse than a late one."""
    with RtspServer(h264_file) as server:
        source = NetworkSource(server.url)
        source.open()
        source.grab()
        source.close()

    assert server.transports == ["RTP/AVP/TCP;unicast;interleaved=0-1"]


def test_timeouts_and_one_decoder_thread_are_asked_of_ffmpeg() -> None:
    """More threads would each hold back a picture: latency."""
    camera = FakeCapture([telling_picture(0)])
    url = "rtsp://admin:hunter2@cam/live"
    NetworkSource(url, open_timeout_s=1.5, read_timeout_s=2.5, make_capture=camera).open()

    assert camera.opened_with is not None
    target, backend, options = camera.opened_with
    asked = dict(zip(options[::2], options[1::2], strict=True))
    assert (target, backend) == (url, cv2.CAP_FFMPEG)
    assert asked == {
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: 1500,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC: 2500,
        cv2.CAP_PROP_N_THREADS: 1,
    }
