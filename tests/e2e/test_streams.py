"""What clients of the stream get: the right pictures, at the right rate."""

from __future__ import annotations

import itertools
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from shared.frame_code import read_codes
from tests.support.many import beside_video
from tests.support.mjpeg_client import EndOfStream, MjpegClient, get
from tests.support.processes import wait_until
from tests.support.streams import (
    STREAM,
    assert_never_back,
    assert_telling,
    decoded,
    status,
)

if TYPE_CHECKING:
    from shared.multipart import Part
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]


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


@pytest.mark.parametrize(
    "path", ["/stream/v%69deo", "//stream/video", "/stream/video%2Fshm", "/stream/vid%65o/shm"]
)
def test_stream_is_never_chunked_however_its_address_is_spelt(running: Api, path: str) -> None:
    with MjpegClient(running.url + path) as client:
        assert client.status_line.startswith("HTTP/1.0 200")
        for part in client.parts(3):
            assert_telling(part)


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


@pytest.mark.faults
def test_slow_client_sees_fresh_whole_frames_and_hurts_nobody(running: Api) -> None:
    before = status(running)["dropped"]
    slow = MjpegClient(running.url + STREAM + "?quality=60", receive_buffer_bytes=4096)
    with slow, MjpegClient(running.url + STREAM) as fast:
        slow.socket.settimeout(0.05)
        started, ages, parts = time.monotonic(), [], 0
        fast_parts: list[Part] = []
        while time.monotonic() - started < 5.0:
            fast_parts += fast.parts(3)
            try:
                part = slow.sip(4096)  # per 100 ms or so: a tenth of what the frames need
            except TimeoutError:
                continue
            if part is not None:
                parts += 1
                assert_telling(part)
                ages.append(time.time() - part.timestamp)
        assert status(running)["dropped"] > before
    assert len({part.number for part in fast_parts}) >= 0.8 * 5.0 * 30
    assert parts >= 5
    # its own transfer time, and the part before it; without dropping it grows with every second
    assert max(ages[-3:]) < 2.5


def test_two_cameras_do_not_disturb_each_other(service: Services) -> None:
    other = f"{service.segment}-two"
    service.video("pattern://320x240@30")
    second = service.video("pattern://160x120@15", video__shared_memory_name=other)
    api = service.api(cameras=beside_video({"garage": other})).wait_ready()
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


@pytest.mark.faults
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


def test_pipelined_bytes_from_the_client_do_not_spin_or_end_the_stream(running: Api) -> None:
    with MjpegClient(running.url + STREAM) as client:
        client.next_part()
        client.socket.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
        assert len(list(client.parts(30))) == 30


@pytest.mark.faults
def test_silence_of_the_source_is_bridged_as_often_as_configured(service: Services) -> None:
    service.video("pattern://320x240@1")
    api = service.api(api__stream__performance__repeat_after_sec=0.2).wait_ready()
    with MjpegClient(api.url + STREAM) as client:
        parts = list(client.parts(12))
    repeats = sum(one.number == other.number for one, other in itertools.pairwise(parts))
    assert repeats >= 6, "three or four between two frames, none with the default of a second"


@pytest.mark.faults
def test_half_closed_connection_is_a_client_that_left(running: Api) -> None:
    with MjpegClient(running.url + STREAM) as client:
        client.next_part()
        client.socket.shutdown(socket.SHUT_WR)
        with pytest.raises(EndOfStream):
            list(client.parts())
