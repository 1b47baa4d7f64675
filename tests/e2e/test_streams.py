"""The whole path, from the test pattern to strict clients: real processes, real sockets."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import psutil
import pytest

from shared.frame_code import read_codes
from tests.support.mjpeg_client import EndOfStream, MjpegClient, get
from tests.support.processes import Services, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tests.support.multipart import Part
    from tests.support.processes import Api

pytestmark = [pytest.mark.process, pytest.mark.e2e]

STREAM: Final = "/stream/video/shm"


def decoded(part: Part) -> NDArray[np.uint8]:
    """Decode the picture of a part."""
    return picture(part.jpeg)


def picture(jpeg: bytes) -> NDArray[np.uint8]:
    """Decode a JPEG."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(np.uint8, copy=False)


def assert_telling(part: Part) -> None:
    """Check that the picture is the frame the headers speak of, top and bottom."""
    top, bottom = read_codes(decoded(part))
    assert top is not None
    assert top == bottom, "top and bottom belong to different frames"
    assert top.sequence == part.number
    assert abs(top.captured_wall_us / 1e6 - part.timestamp) < 0.5


def assert_never_back(parts: list[Part]) -> None:
    """Check that numbers do not go back within an epoch, nor epochs at all."""
    for before, after in itertools.pairwise(parts):
        assert after.epoch >= before.epoch
        if after.epoch == before.epoch:
            assert after.number >= before.number


def status(api: Api, path: str = "/stream/video/shm/status") -> dict[str, Any]:
    """The status document."""
    code, _, body = get(api.url + path)
    assert code == 200
    document: dict[str, Any] = json.loads(body)
    return document


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Both services on a small pattern, for the tests that only look."""
    services = Services(tmp_path_factory.mktemp("running"), f"test-{os.getpid()}-running")
    try:
        yield services.both()
    finally:
        services.stop()
        left = list(Path("/dev/shm").glob(f"{services.segment}*"))  # noqa: S108 - the real tmpfs
        for path in left:
            path.unlink()
        assert [path.name for path in left if path.suffix != ".lock"] == []


def test_every_picture_is_the_frame_its_headers_speak_of(running: Api) -> None:
    with MjpegClient(running.url + STREAM) as client:
        assert client.status_line.startswith("HTTP/1.0 200")
        assert client.headers["connection"] == "close"
        assert "no-store" in client.headers["cache-control"]
        assert client.headers["x-accel-buffering"] == "no"
        parts = list(client.parts(60))
    assert all(part.online for part in parts)
    for part in parts:
        assert_telling(part)
    assert_never_back(parts)
    assert parts[-1].number - parts[0].number >= 48, "60 parts of 30 fps are mostly new frames"


@pytest.mark.parametrize("query", ["?quality=30", "?width=160", "?height=120&quality=60&t=17"])
def test_frames_stay_readable_at_low_quality_and_half_size(running: Api, query: str) -> None:
    with MjpegClient(running.url + STREAM + query) as client:
        for part in client.parts(5):
            assert_telling(part)


@pytest.mark.parametrize(
    ("query", "size"),
    [("", (320, 240)), ("?width=160", (160, 120)), ("?height=60", (80, 60)),
     ("?width=100&height=90", (100, 75)), ("?width=4000&height=4000", (320, 240))],
)  # fmt: skip
def test_pictures_fit_inside_the_box_asked_for_and_are_never_enlarged(
    running: Api, query: str, size: tuple[int, int]
) -> None:
    with MjpegClient(running.url + STREAM + query) as client:
        height, width = decoded(client.next_part()).shape[:2]
    assert (width, height) == size


def test_advance_headers_stream_is_well_formed(running: Api) -> None:
    with MjpegClient(running.url + STREAM + "?advance_headers=1") as client:
        parts = list(client.parts(10))
    numbers = [code.sequence for part in parts if (code := read_codes(decoded(part))[0])]
    assert len(numbers) == 10
    assert numbers == sorted(numbers)


def test_fps_below_the_sources_is_even_and_true(running: Api) -> None:
    with MjpegClient(running.url + STREAM + "?fps=20") as client:
        parts = list(client.parts(62))[2:]
    steps = [after.number - before.number for before, after in itertools.pairwise(parts)]
    # 20 of 30 fps: one and two by turns, half of them each; a pacer that beats gives twos only
    assert steps.count(1) >= 0.3 * len(steps)
    assert steps.count(2) >= 0.3 * len(steps)


def test_fps_of_the_source_gives_every_frame(running: Api) -> None:
    with MjpegClient(running.url + STREAM + "?fps=30") as client:
        parts = list(client.parts(92))[2:]
    steps = [after.number - before.number for before, after in itertools.pairwise(parts)]
    assert steps.count(1) >= 0.8 * len(steps)


def test_one_frame_per_second_comes_once_per_second(running: Api) -> None:
    with MjpegClient(running.url + STREAM + "?fps=1") as client:
        first, *rest = list(client.parts(4))
    assert all(part.number > first.number for part in rest)
    assert rest[-1].number - rest[0].number >= 45


def test_fifteen_clients_get_every_frame_at_once(running: Api) -> None:
    def watch(_: int) -> list[Part]:
        with MjpegClient(running.url + STREAM) as client:
            return list(client.parts(duration_s=4.0))

    with ThreadPoolExecutor(15) as pool:
        streams = list(pool.map(watch, range(15)))
    for parts in streams:
        assert_never_back(parts)
        for part in parts[::10]:
            assert_telling(part)
        assert len({part.number for part in parts}) >= 0.8 * 4.0 * 30


def test_everybody_gets_the_same_bytes_and_they_are_encoded_once(running: Api) -> None:
    before = status(running)
    clients = [MjpegClient(running.url + STREAM) for _ in range(5)]
    streams = [{part.number: part.jpeg for part in client.parts(20)} for client in clients]
    after = status(running)
    for client in clients:
        client.close()
    common = set.intersection(*(set(stream) for stream in streams))
    assert common, "five clients at the same time see some common frames"
    for number in common:
        assert len({stream[number] for stream in streams}) == 1
    assert (
        after["encoded"] - before["encoded"] <= after["frame_number"] - before["frame_number"] + 2
    )


def test_snapshot_is_newer_than_the_request(running: Api) -> None:
    for path in ("/stream/video/frame", "/stream/video/shm/frame"):
        asked_at = time.time()
        code, headers, body = get(running.url + path)
        assert code == 200
        assert headers["content-type"] == "image/jpeg"
        assert headers["cache-control"] == "no-store"
        assert int(headers["content-length"]) == len(body)
        assert float(headers["x-timestamp"]) >= asked_at - 0.01
        top, bottom = read_codes(picture(body))
        assert top is not None
        assert top == bottom
        assert top.sequence == int(headers["x-frame-number"])


def test_status_tells_what_is_going_on(running: Api) -> None:
    with MjpegClient(running.url + STREAM) as client:
        list(client.parts(5))
        told = status(running)
    assert told["online"] is True
    assert told["condition"] == "live"
    assert told["source"] == "pattern://320x240@30"
    assert (told["width"], told["height"], told["pixel_format"]) == (320, 240, "BGR24")
    assert 24 <= told["fps"] <= 36
    assert told["clients"] >= 1
    assert 0 <= told["age_ms"] < 3000
    assert told["frame_number"] > 0
    assert int(told["epoch"]) > 0


def test_head_and_options_are_answered_and_other_methods_refused(running: Api) -> None:
    for path in (STREAM, "/stream/video", "/stream/video/frame"):
        code, _, body = get(running.url + path, method="HEAD")
        assert (code, body) == (200, b"")
        code, headers, _ = get(running.url + path, method="OPTIONS")
        assert code == 200
        assert {"GET", "HEAD", "OPTIONS"} <= set(re.split(r",\s*", headers["allow"]))
        code, headers, body = get(running.url + path, method="POST")
        assert code == 405
        assert "GET" in headers["allow"]
        assert json.loads(body)["status"] == 405
    wait_until(lambda: status(running)["clients"] == 0, "no client: HEAD opens no stream", 2.0)


@pytest.mark.parametrize(
    ("query", "name", "value", "allowed"),
    [
        ("quality=0", "quality", "0", "1 to 100"),
        ("quality=101", "quality", "101", "1 to 100"),
        ("quality=high", "quality", "high", "1 to 100"),
        ("quality=", "quality", "", "1 to 100"),
        ("quality=85.5", "quality", "85.5", "1 to 100"),
        ("fps=0", "fps", "0", "1 to 60"),
        ("fps=61", "fps", "61", "1 to 60"),
        ("fps=-5", "fps", "-5", "1 to 60"),
        ("fps=nan", "fps", "nan", "1 to 60"),
        ("fps=inf", "fps", "inf", "1 to 60"),
        ("width=0", "width", "0", "1 to 7680"),
        ("height=99999", "height", "99999", "1 to 4320"),
    ],
)
def test_wrong_values_are_refused_with_value_and_range(
    running: Api, query: str, name: str, value: str, allowed: str
) -> None:
    for path in (STREAM, "/stream/video/frame"):
        code, headers, body = get(f"{running.url}{path}?{query}")
        assert code == 400
        assert headers["content-type"] == "application/problem+json"
        problem = json.loads(body)
        assert problem["status"] == 400
        assert name in problem["detail"]
        assert repr(value) in problem["detail"]
        assert allowed in problem["detail"]


def test_unknown_camera_is_told_the_known_ones(running: Api) -> None:
    for path in ("/stream/garage", "/stream/garage/frame", "/stream/garage/status", "/nothing"):
        code, headers, body = get(running.url + path)
        assert code == 404
        assert headers["content-type"] == "application/problem+json"
        assert json.loads(body)["cameras"] == ["video"]


def test_slow_client_sees_fresh_whole_frames_and_hurts_nobody(running: Api) -> None:
    before = status(running)["dropped"]
    slow = MjpegClient(running.url + STREAM + "?quality=100", receive_buffer_bytes=8192)
    with slow, MjpegClient(running.url + STREAM) as fast:
        slow.socket.settimeout(0.05)
        started, ages, parts = time.monotonic(), [], 0
        fast_parts: list[Part] = []
        while time.monotonic() - started < 5.0:
            fast_parts += fast.parts(3)
            try:
                # 4 KiB per 100 ms or so: a tenth of what the frames need
                slow._reader.feed(slow.socket.recv(4096))  # type: ignore[union-attr]  # noqa: SLF001
            except TimeoutError:
                continue
            part = slow._reader.next_part()  # type: ignore[union-attr]  # noqa: SLF001
            if part is not None:
                parts += 1
                assert_telling(part)
                ages.append(time.time() - part.timestamp)
        assert status(running)["dropped"] > before
    assert len({part.number for part in fast_parts}) >= 0.8 * 5.0 * 30
    assert parts >= 1
    # its own transfer time (2 to 3 s) plus what is buffered; without dropping it grows for ever
    assert max(ages) < 5.0


def test_clients_that_come_and_go_leave_nothing_behind(service: Services) -> None:
    api = service.both()

    def footprint() -> tuple[int, int, int]:
        worker = api.worker()
        maps = Path(f"/proc/{worker.pid}/maps").read_text(encoding="ascii")
        return worker.num_fds(), worker.num_threads(), maps.count(service.segment)

    def visit(number: int) -> None:
        client = MjpegClient(api.url + STREAM + f"?quality={50 + number % 4}")
        client.next_part()
        client.abort() if number % 2 else client.close()

    for number in range(4):
        visit(number)
    wait_until(lambda: status(api)["clients"] == 0, "the first clients to be gone", 2.0)
    before = footprint()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, range(200)))
    wait_until(lambda: status(api)["clients"] == 0, "every client to be gone", 2.0)
    wait_until(lambda: footprint() <= before, f"{before} (is {footprint()})", 4.0)
    ended = re.findall(r"stream of video ended: (.*);", api.said())
    assert len(ended) == 204, "every stream ran its finally"


def test_sigterm_ends_ten_streams_properly_and_soon(service: Services) -> None:
    api = service.both()
    clients = [MjpegClient(api.url + STREAM + f"?fps={1 + 6 * (n % 4)}") for n in range(10)]
    for client in clients:
        client.next_part()
    api.signal(signal.SIGTERM)
    started = time.monotonic()
    for client in clients:
        with pytest.raises(EndOfStream) as end:
            list(client.parts())
        assert end.value.clean, "the last thing sent is the closing boundary"
        client.close()
    assert api.wait(timeout_s=2.0) == 0
    assert time.monotonic() - started < 2.0
    assert len(re.findall(r"stream of video ended: the server is shutting down", api.said())) == 10
    assert "Traceback" not in api.said()


def test_stream_survives_the_death_of_the_video_module(service: Services) -> None:
    video = service.video()
    api = service.api().wait_ready()
    with MjpegClient(api.url + STREAM) as client:
        parts = list(client.parts(5))
        video.kill()
        blanks: list[Part] = []
        while len(blanks) < 3:
            part = client.next_part()
            blanks += [] if part.online else [part]
            parts.append(part)
        assert blanks[2].received_at - blanks[1].received_at >= 0.7, "about one per second"
        assert status(api)["online"] is False
        assert status(api)["condition"] == "gone"
        assert api.answers("/readyz") == 503
        service.video()
        while not (part := client.next_part()).online:
            parts.append(part)
        parts += [part, *client.parts(5)]
    assert parts[-1].epoch > parts[0].epoch
    assert_never_back(parts)
    for part in parts:
        if part.online:
            assert_telling(part)


def test_stream_ends_properly_if_the_video_module_stays_away(service: Services) -> None:
    video = service.video()
    api = service.api(api__stream__video_loss_grace_sec=1.5).wait_ready()
    with MjpegClient(api.url + STREAM) as client:
        client.next_part()
        video.stop()
        with pytest.raises(EndOfStream) as end:
            list(client.parts())
    assert end.value.clean
    wait_until(lambda: status(api)["clients"] == 0, "the client to be forgotten", 2.0)


def test_video_module_that_hangs_is_shown_as_no_signal(service: Services) -> None:
    video = service.video()
    api = service.api().wait_ready()
    with MjpegClient(api.url + STREAM) as client:
        client.next_part()
        video.signal(signal.SIGSTOP)
        try:
            while client.next_part().online:
                pass
            assert status(api)["condition"] == "stalled"
        finally:
            video.signal(signal.SIGCONT)
        while not client.next_part().online:
            pass


@pytest.mark.parametrize("path", ["/stream/video/shm", "/stream/video", "/stream/video/shm/frame"])
def test_without_video_module_the_answer_says_how_to_start_it(service: Services, path: str) -> None:
    api = service.api(video__shared_memory_attach_timeout_sec=0.6)
    for _ in range(2):
        code, headers, body = get(api.url + path)
        assert code == 503
        assert headers["content-type"] == "application/problem+json"
        assert int(headers["retry-after"]) >= 1
        assert json.loads(body)["detail"] == (
            "Video Module is not running. Start it with: python -m services.video"
        )
    assert api.answers("/healthz") == 200
    assert api.answers("/readyz") == 503
    assert status(api)["online"] is False


def test_request_within_the_attach_timeout_waits_for_the_video_module(service: Services) -> None:
    api = service.api(video__shared_memory_attach_timeout_sec=30)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(MjpegClient, api.url + STREAM, timeout_s=30.0)
        service.video()
        with waiting.result() as client:
            assert_telling(client.next_part())


def test_stalled_client_is_ended_quietly(service: Services) -> None:
    service.video("pattern://640x360@30")
    api = service.api(api__stream__stall_timeout_sec=1.0).wait_ready()
    client = MjpegClient(api.url + STREAM + "?quality=100", receive_buffer_bytes=4096)
    wait_until(lambda: status(api)["clients"] == 1, "the stream to begin")
    wait_until(lambda: status(api)["stalled"] == 1, "the stalled client to be ended")
    wait_until(lambda: status(api)["clients"] == 0, "the stalled client to be gone")
    client.close()
    assert "ERROR" not in api.said()
    assert "Traceback" not in api.said()


def test_two_cameras_do_not_disturb_each_other(service: Services) -> None:
    other = f"{service.segment}-two"
    service.video("pattern://320x240@30")
    second = service.video("pattern://160x120@15", video__shared_memory_name=other)
    api = service.api(api__cameras=json.dumps({"garage": other})).wait_ready()
    wait_until(lambda: api.answers("/stream/garage/frame") == 200, "the second camera")
    with MjpegClient(api.url + "/stream/garage") as garage, MjpegClient(api.url + STREAM) as main:
        assert decoded(garage.next_part()).shape == (120, 160, 3)
        second.stop()
        assert decoded(main.next_part()).shape == (240, 320, 3)
        assert all(part.online for part in main.parts(40))
        while garage.next_part().online:
            pass
    names = [camera["name"] for camera in json.loads(get(api.url + "/cameras")[2])["cameras"]]
    assert names == ["video", "garage"]


def test_flag_routes_the_default_camera_to_shared_memory(running: Api) -> None:
    with MjpegClient(running.url + "/stream/video") as client:
        assert_telling(client.next_part())
    assert "Using shared memory streaming mode" in running.said()
    assert status(running, "/stream/video/status")["mode"] == "shared memory"


def test_legacy_mode_captures_by_itself_and_cleans_up(service: Services) -> None:
    source = {"video__source": "pattern://320x240@30"}
    api = service.api(
        shared_memory=False, video__shared_memory_attach_timeout_sec=0.5, **source
    ).wait_ready()
    capture = [
        child
        for child in psutil.Process(api.process.pid).children(recursive=True)
        if "services.video" in child.cmdline()
    ]
    assert len(capture) == 1
    with MjpegClient(api.url + "/stream/video") as client:
        for part in client.parts(10):
            assert_telling(part)
    assert "Using legacy streaming mode" in api.said()
    assert api.answers(STREAM) == 503, "nobody writes the Video Module's segment"
    assert status(api, "/stream/video/status")["mode"] == "legacy"
    api.stop()
    wait_until(lambda: not capture[0].is_running(), "the embedded capture to end", 5.0)


def test_embedded_capture_does_not_outlive_a_killed_worker(service: Services) -> None:
    api = service.api(shared_memory=False, video__source="pattern://320x240@30").wait_ready()
    worker = api.worker()
    (capture,) = (c for c in worker.children() if "services.video" in c.cmdline())
    worker.kill()
    wait_until(lambda: not capture.is_running(), "the capture to end with its worker", 10.0)
    api.wait_ready()


def test_streaming_at_load_leaves_the_hub_responsive(service: Services) -> None:
    service.video("pattern://1280x720@30")
    api = service.api().wait_ready()
    clients = [MjpegClient(f"{api.url}{STREAM}?quality={90 + n}") for n in range(4)]
    try:
        answered = 0
        deadline = time.monotonic() + 3.0
        while time.monotonic() < deadline:
            for client in clients:
                client.next_part()
            answered += api.answers("/healthz") == 200
        assert answered >= 10, "four encoders' worth of work do not stop a health check"
    finally:
        for client in clients:
            client.close()


def test_resolution_change_goes_through_without_a_mixed_picture(service: Services) -> None:
    video = service.video("pattern://320x240@30")
    api = service.api().wait_ready()
    with MjpegClient(api.url + STREAM) as client:
        list(client.parts(5))
        video.stop()
        service.video("pattern://640x360@30")
        sizes = set()
        while (640, 360) not in sizes:
            part = client.next_part()
            height, width = decoded(part).shape[:2]
            if part.online:
                assert_telling(part)
                sizes.add((width, height))
    assert sizes <= {(320, 240), (640, 360)}


def test_wrong_settings_are_all_named_and_end_with_code_2(service: Services) -> None:
    with pytest.raises(AssertionError, match="ended with 2") as failure:
        service.api(api__port=99999999, api__stream__quality__default_jpeg_quality=0)
    assert "api.port" in str(failure.value)
    assert "api.stream.quality.default_jpeg_quality" in str(failure.value)


def test_pipelined_bytes_from_the_client_do_not_spin_or_end_the_stream(running: Api) -> None:
    with MjpegClient(running.url + STREAM) as client:
        client.next_part()
        client.socket.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
        assert len(list(client.parts(30))) == 30


def test_half_closed_connection_is_a_client_that_left(running: Api) -> None:
    with MjpegClient(running.url + STREAM) as client:
        client.next_part()
        client.socket.shutdown(socket.SHUT_WR)
        with pytest.raises(EndOfStream):
            list(client.parts())
