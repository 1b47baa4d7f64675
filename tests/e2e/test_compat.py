"""Clients of mjpg-streamer and µStreamer switch to us by changing a port.

The readers here do what those clients do with the bytes, mistakes included: Mainsail's worker,
Home Assistant's MJPEG camera, PiKVM's daemon (aiohttp itself), OctoPrint's time-lapse (requests).
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import requests

from tests.support.many import beside_video
from tests.support.mjpeg_client import MjpegClient, get
from tests.support.processes import wait_until
from tests.support.streams import assert_telling, picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]


def chunks(url: str, size_bytes: int) -> Iterator[bytes]:
    """The body of an answer as it comes, in pieces of at most so many bytes."""
    with requests.get(url, stream=True, timeout=10) as answer:
        assert answer.status_code == 200
        yield from answer.iter_content(size_bytes)


def mainsail(url: str, wanted: int) -> list[bytes]:
    """What Mainsail's worker shows: a header up to FFD8, so many bytes, and one byte more."""
    shown: list[bytes] = []
    header, image, length = "", bytearray(), -1
    for value in chunks(url, 1 << 16):
        for index, byte in enumerate(value):
            if byte == 0xFF and value[index + 1 : index + 2] == b"\xd8":
                fields = dict(line.split(":", 1) for line in header.split("\n") if ":" in line)
                length = int({k.lower(): v for k, v in fields.items()}["content-length"])
                image = bytearray()
            if length <= 0:
                header += chr(byte)
            elif len(image) < length:
                image.append(byte)
            else:
                shown.append(bytes(image))
                header, length = "", 0
                if len(shown) == wanted:
                    return shown
    return shown


def home_assistant(url: str) -> bytes:
    """The still of Home Assistant's MJPEG camera: the first FFD8 to the next FFD9."""
    data = b""
    for chunk in chunks(url, 102_400):
        data += chunk
        end = data.find(b"\xff\xd9")
        if end != -1:
            start = data.find(b"\xff\xd8")
            assert start != -1
            return data[start : end + 2]
    pytest.fail("no picture")


async def pikvm(url: str, wanted: int) -> list[dict[str, Any]]:
    """Frames as PiKVM's daemon reads them for its VNC clients."""
    frames: list[dict[str, Any]] = []
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}/stream", params={"extra_headers": "1"}) as answer,
    ):
        answer.raise_for_status()
        reader = aiohttp.MultipartReader.from_response(answer)
        while len(frames) < wanted:
            frame = await reader.next()
            assert isinstance(frame, aiohttp.BodyPartReader)
            data = bytes(await frame.read())
            frames.append(
                {
                    "online": frame.headers["X-UStreamer-Online"] == "true",
                    "width": int(frame.headers["X-UStreamer-Width"]),
                    "height": int(frame.headers["X-UStreamer-Height"]),
                    "data": data,
                }
            )
    return frames


@pytest.mark.parametrize(
    "path", ["/?action=stream", "/stream", "/?action=stream_0", "/stream?extra_headers=1"]
)
def test_mainsail_shows_every_frame(running: Api, path: str) -> None:
    joint = "&" if "?" in path else "?"
    shown = mainsail(f"{running.url}{path}{joint}timestamp=1700000000", 10)
    assert len(shown) == 10
    assert {picture(jpeg).shape for jpeg in shown} == {(240, 320, 3)}


@pytest.mark.parametrize("path", ["/?action=snapshot", "/snapshot", "/?action=snapshot_0"])
def test_mainsail_and_octoprint_poll_snapshots(running: Api, path: str) -> None:
    joint = "&" if "?" in path else "?"
    numbers = []
    for _ in range(3):
        answer = requests.get(f"{running.url}{path}{joint}bypassCache=1700000000", timeout=5)
        answer.raise_for_status()
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert int(answer.headers["Content-Length"]) == len(answer.content)
        assert picture(answer.content).shape == (240, 320, 3)
        numbers.append(int(answer.headers["X-Frame-Number"]))
    assert numbers == sorted(set(numbers)), "each is newer than its request"


@pytest.mark.parametrize("path", ["/?action=stream", "/stream"])
def test_home_assistant_takes_a_still(running: Api, path: str) -> None:
    assert picture(home_assistant(running.url + path)).shape == (240, 320, 3)


def test_pikvm_reads_the_stream(running: Api) -> None:
    frames = asyncio.run(pikvm(running.url, 10))
    assert [frame["online"] for frame in frames] == [True] * 10
    for frame in frames:
        assert picture(frame["data"]).shape == (frame["height"], frame["width"], 3)


def test_pikvm_takes_a_snapshot(running: Api) -> None:
    answer = requests.get(f"{running.url}/snapshot", timeout=5)
    assert answer.headers["X-UStreamer-Online"] == "true"
    size = (int(answer.headers["X-UStreamer-Height"]), int(answer.headers["X-UStreamer-Width"]))
    assert picture(answer.content).shape[:2] == size
    grabbed, sent = (
        float(answer.headers[f"X-UStreamer-{name}-Timestamp"]) for name in ("Grab-End", "Send")
    )
    assert 0 < sent - grabbed < 10


def test_client_finds_itself_in_the_state_by_its_cookie(service: Services) -> None:
    api = service.both(api__workers=1)
    with MjpegClient(f"{api.url}/stream?key=kitchen&fps=10&dual_final_frames=1") as client:
        cookie = client.headers["set-cookie"]
        assert cookie.endswith("; Path=/; Max-Age=30; SameSite=Lax")
        key, name = cookie.split(";")[0].removeprefix("stream_client=").split("/")
        assert key == "kitchen"
        for _ in client.parts(25):
            pass
        result = json.loads(get(f"{api.url}/state")[2])["result"]
    assert result["source"]["resolution"] == {"width": 320, "height": 240}
    assert result["source"]["online"] is True
    assert 25 <= result["source"]["captured_fps"] <= 35
    assert result["encoder"] == {"type": "CPU", "quality": 85}
    (mine,) = result["stream"]["clients_stat"].items()
    assert mine[0] == name
    assert mine[1].pop("fps") in range(7, 13)
    assert mine[1] == {
        "key": "kitchen",
        "extra_headers": False,
        "advance_headers": False,
        "dual_final_frames": True,
        "zero_data": False,
    }
    assert result["stream"]["clients"] == 1
    wait_until(
        lambda: json.loads(get(f"{api.url}/state")[2])["result"]["stream"]["clients"] == 0,
        "the client to be forgotten",
    )


@pytest.mark.parametrize("path", ["/stream", "/stream/video", "/?action=stream"])
def test_extra_headers_tell_of_a_frames_way(running: Api, path: str) -> None:
    joint = "&" if "?" in path else "?"
    told: dict[str, str] = {}
    with MjpegClient(f"{running.url}{path}{joint}extra_headers=1") as client:
        for part in client.parts(10):
            assert_telling(part)
            told = {
                name.removeprefix("x-ustreamer-"): value
                for name, value in part.headers.items()
                if name.startswith("x-ustreamer-")
            }
            times = [float(told[f"{name}-time"]) for name in ("grab-begin", "expose-end", "send")]
            assert times == sorted(times)
            assert abs(float(told["latency"]) - (times[2] - times[0])) < 2e-6
            assert (told["online"], told["width"], told["height"]) == ("true", "320", "240")
    assert int(told["client-fps"]) in range(3, 7), "ten within the last two seconds"


def test_zero_data_sends_headers_only(running: Api) -> None:
    target = running.url.removeprefix("http://").split(":")
    with socket.create_connection((target[0], int(target[1])), timeout=10) as raw:
        raw.sendall(b"GET /stream?zero_data=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        data = b""
        while data.count(b"X-Frame-Number") < 5:
            data += raw.recv(65_536)
    parts = data.split(b"\r\n\r\n--frame\r\n", 1)[-1].split(b"\r\n\r\n\r\n--frame\r\n")
    assert all(b"Content-Length: 0\r\n" in part for part in parts[:-1])
    assert b"\xff\xd8" not in data


def test_final_frame_comes_twice_at_once(service: Services) -> None:
    video = service.video()
    api = service.api(api__stream__performance__repeat_after_sec=60).wait_ready()
    with (
        MjpegClient(f"{api.url}/stream?dual_final_frames=1") as dual,
        MjpegClient(f"{api.url}/stream") as plain,
    ):
        numbers, once = [dual.next_part().number], [plain.next_part().number]
        video.signal(signal.SIGSTOP)
        try:
            while len(numbers) == len(set(numbers)):
                part = dual.next_part()
                assert part.online
                numbers.append(part.number)
            while once[-1] < numbers[-1]:
                once.append(plain.next_part().number)
        finally:
            video.signal(signal.SIGCONT)
        assert plain.next_part().number > once[-1] or not plain.next_part().online
    assert len(once) == len(set(once))


def test_without_a_video_module_a_snapshot_says_so(service: Services) -> None:
    api = service.api()
    answer = requests.get(f"{api.url}/snapshot", timeout=5)
    assert answer.status_code == 200
    assert answer.headers["X-UStreamer-Online"] == "false"
    assert picture(answer.content).ndim == 3
    state = json.loads(get(f"{api.url}/state")[2])["result"]
    assert state["source"] == {
        "resolution": {"width": 0, "height": 0},
        "online": False,
        "desired_fps": 0,
        "captured_fps": 0,
    }


def test_nth_camera_is_that_of_the_list(service: Services) -> None:
    service.video("pattern://160x120@30", video__shared_memory_name=f"{service.segment}-b")
    api = service.both(cameras=beside_video({"b": f"{service.segment}-b"}))
    sizes = {}
    for number in range(2):
        url = f"{api.url}/?action=snapshot_{number}"
        wait_until(lambda url=url: get(url)[1].get("x-online") == "1", "a live picture")  # type: ignore[misc]
        sizes[number] = get(url)[1]["x-size"]
        with MjpegClient(f"{api.url}/?action=stream_{number}") as client:
            assert client.next_part().headers["x-size"] == sizes[number]
    assert sizes == {0: "320x240", 1: "160x120"}


def test_other_actions_are_refused_and_the_page_stays(running: Api) -> None:
    code, _, body = get(f"{running.url}/?action=command&id=1")
    problem = json.loads(body)
    assert code == 400
    assert problem["parameters"][0]["value"] == "command"
    assert "stream or snapshot" in problem["parameters"][0]["allowed"]
    assert get(f"{running.url}/?t=1")[1]["content-type"].startswith("text/html")


def test_heads_are_answered(running: Api) -> None:
    for path in ("/stream", "/snapshot", "/state", "/?action=stream", "/?action=snapshot"):
        code, _, body = get(running.url + path, method="HEAD")
        assert (code, body) == (200, b"")
