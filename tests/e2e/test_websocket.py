"""Many cameras over one WebSocket connection, against both services."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.frame_code import read_codes
from tests.support.many import beside_video
from tests.support.mjpeg_client import MjpegClient, get
from tests.support.processes import wait_until
from tests.support.raw_http import exchange
from tests.support.streams import STREAM, picture, status
from tests.support.tls import make_certificate, trusting
from tests.support.ws_client import Closed, WsClient

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def ws(api: Api) -> str:
    return f"{api.url}/ws"


def test_handshake_is_that_of_the_standard(running: Api) -> None:
    address = running.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=10) as raw:
        raw.sendall(HANDSHAKE)
        head = raw.recv(65_536).decode()
    assert head.startswith("HTTP/1.1 101 Switching Protocols\r\n")
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
    assert fields["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "RFC 6455, 1.3"
    assert (fields["Upgrade"], fields["Connection"]) == ("websocket", "upgrade")
    assert "Transfer-Encoding" not in fields
    assert "Content-Length" not in fields


def test_pictures_are_the_frames_that_the_headers_speak_of(running: Api) -> None:
    with WsClient(ws(running)) as client:
        client.say(subscribe="video", id=7, quality=95)
        assert client.told("subscribed") == {"subscribed": 7, "camera": "video", "variant": "q95"}
        pictures = [client.picture() for _ in range(20)]
        assert client.protocol == "ringcast.v1"
    for one in pictures:
        assert (one.version, one.id, one.reserved, one.flags & 1) == (1, 7, 0, 1)
        top, bottom = read_codes(picture(one.jpeg))
        assert top is not None
        assert top == bottom
        assert top.sequence == one.number
        assert abs(top.captured_wall_us - one.captured_us) < 500_000
    numbers = [one.number for one in pictures]
    assert numbers == sorted(set(numbers))


def test_eight_variants_come_side_by_side_over_one_connection(running: Api) -> None:
    widths = {name: 40 * name for name in range(1, 9)}
    with WsClient(ws(running)) as client:
        for name, width in widths.items():
            client.say(subscribe="video", id=name, width=width, fps=10)
            client.told("subscribed")
        seen: dict[int, list[int]] = {name: [] for name in widths}
        while min(len(numbers) for numbers in seen.values()) < 10:
            one = client.picture()
            seen[one.id].append(one.number)
            assert picture(one.jpeg).shape[1] == widths[one.id]
        wait_until(lambda: status(running)["clients"] == 8, "eight clients in the status")
    counts = [len(numbers) for numbers in seen.values()]
    assert max(counts) <= 2 * min(counts), f"everybody has their share: {counts}"
    wait_until(lambda: status(running)["clients"] == 0, "their seats to be given back")


@pytest.mark.timeout(120)
def test_eight_cameras_come_side_by_side_over_one_connection(service: Services) -> None:
    names = [f"cam{number}" for number in range(8)]
    segments = {name: f"{service.segment}-{name}" for name in names}
    for segment in segments.values():
        service.video("pattern://160x120@10", video__shared_memory_name=segment)
    api = service.both(cameras=beside_video(segments), api__workers=1)
    with WsClient(ws(api)) as client:
        for number, name in enumerate(names, start=1):
            client.say(subscribe=name, id=number)
        seen: dict[int, set[int]] = {number: set() for number in range(1, 9)}
        while min(len(numbers) for numbers in seen.values()) < 10:
            one = client.picture()
            if one.flags & 1:
                seen[one.id].add(one.number)
        assert status(api, "/stream/cam3/status")["clients"] == 1
    counts = [len(numbers) for numbers in seen.values()]
    assert max(counts) <= 2 * min(counts), f"everybody has their share: {counts}"


def test_who_acknowledges_nothing_gets_a_window_of_pictures_and_stays(running: Api) -> None:
    with WsClient(ws(running), acknowledging=False) as client:
        client.say(subscribe="video", id=1, window=3)
        client.say(subscribe="video", id=2, width=100, window=1)
        got = client.pictures(1.5)
        assert sorted(one.id for one in got) == [1, 1, 1, 2]
        client.ping()
        client.wait_pong()
        first = next(one for one in got if one.id == 1)
        client.say(ack=1, number=first.number)
        newer = client.picture()
        assert newer.id == 1
        assert newer.number > max(one.number for one in got) + 15, "newest wins"
        client.say(ack=1, number=first.number)
        assert client.pictures(0.5) == [], "one picture is acknowledged once"


def test_subscription_can_be_changed_and_ended(running: Api) -> None:
    with WsClient(ws(running)) as client:
        client.say(subscribe="video", id=1, width=100)
        assert picture(client.picture().jpeg).shape[1] == 100
        client.say(subscribe="video", id=1, width=200)
        client.told("subscribed")
        assert client.told("subscribed")["variant"] == "q85pw200"
        wait_until(lambda: picture(client.picture().jpeg).shape[1] == 200, "the new size")
        assert status(running)["clients"] == 1
        client.say(unsubscribe=1)
        assert client.told("ended") == {"ended": 1, "why": "unsubscribed"}
        client.pictures(0.2)
        assert client.pictures(0.5) == []


@pytest.mark.parametrize(
    ("message", "name", "value", "allowed"),
    [
        ({"subscribe": "video", "id": 0}, "id", "0", "1 to 255"),
        ({"subscribe": "video", "id": True}, "id", "True", "1 to 255"),
        ({"subscribe": "video", "id": 1, "window": 9}, "window", "9", "1 to 8"),
        ({"subscribe": "video", "id": 1, "quality": 101}, "quality", "101", "1 to 100"),
        ({"subscribe": "video", "id": 1, "width": [1]}, "width", "[1]", "a number or a string"),
        ({"subscribe": 3, "id": 1}, "subscribe", "3", "the name of a camera"),
        ({"subscribe": "video"}, "id", "nothing", "1 to 255"),
        ({"ack": 1}, "number", "nothing", "a whole number from 0"),
        ({"unsubscribe": 1, "ack": 1}, "message", "unsubscribe ack", "one of subscribe"),
        ([1], "message", "[1]", "a JSON object"),
    ],
)
def test_what_makes_no_sense_is_answered_with_value_and_range(
    running: Api, message: object, name: str, value: str, allowed: str
) -> None:
    with WsClient(ws(running)) as client:
        client.send_text(json.dumps(message))
        error = client.told("error")["error"]
        (problem,) = error["parameters"]
        assert (problem["name"], problem["value"]) == (name, value)
        assert allowed in problem["allowed"]
        client.say(subscribe="video", id=1)
        client.picture()


def test_unknown_camera_is_answered_with_those_there_are(running: Api) -> None:
    with WsClient(ws(running)) as client:
        client.say(subscribe="attic", id=9)
        told = client.told("error")
    assert told["id"] == 9
    assert told["error"]["cameras"] == ["video"]


def test_more_subscriptions_than_may_be_are_refused(running: Api) -> None:
    with WsClient(ws(running)) as client:
        for name in range(1, 34):
            client.say(subscribe="video", id=name, fps=1)
        error = client.told("error")
    assert error["id"] == 33
    assert "at most 32" in error["error"]["detail"]


def test_subscriptions_take_the_seats_of_streams(service: Services) -> None:
    api = service.both(api__limits__max_streams=2, api__workers=1)
    with WsClient(ws(api)) as client:
        client.say(subscribe="video", id=1)
        client.say(subscribe="video", id=2)
        client.say(subscribe="video", id=3)
        told = client.told("error")
        assert (told["id"], told["error"]["setting"]) == (3, "api.limits.max_streams")
        assert get(api.url + STREAM)[0] == 503
        client.say(unsubscribe=1)
        client.told("ended")
        with MjpegClient(api.url + STREAM) as other:
            other.next_part()


@pytest.mark.parametrize(
    ("change", "status_code", "told"),
    [
        ((b"Upgrade: websocket\r\n", b""), 426, b"ws://"),
        ((b"Connection: Upgrade\r\n", b""), 426, b"A proxy"),
        ((b"Version: 13", b"Version: 8"), 426, b"version 13"),
        ((b"dGhlIHNhbXBsZSBub25jZQ==", b"short"), 426, b"16 bytes"),
        ((b"\r\n\r\n", b"\r\nOrigin: http://evil.example\r\n\r\n"), 403, b"cors_origins"),
        ((b"\r\n\r\n", b"\r\nOrigin: null\r\n\r\n"), 403, b"cors_origins"),
        ((b"Host: localhost", b"Host: evil.example"), 421, b"evil.example"),
    ],
)
def test_what_is_no_handshake_or_comes_from_another_site_is_refused(
    running: Api, change: tuple[bytes, bytes], status_code: int, told: bytes
) -> None:
    answer = exchange(running.url, HANDSHAKE.replace(*change, 1))
    assert answer.status == status_code
    assert told in answer.data


def test_page_of_ours_and_those_listed_may_connect(service: Services) -> None:
    api = service.both(api__http__cors_origins='["https://friend.example"]')
    for origin in (api.url, "https://friend.example"):
        with WsClient(ws(api), headers={"Origin": origin}) as client:
            client.say(subscribe="video", id=1)
            client.picture()
    with pytest.raises(Closed, match="403"):
        WsClient(ws(api), headers={"Origin": "https://friend.example.evil.example"})


def test_credentials_are_asked_for_before_the_upgrade(service: Services) -> None:
    token = "t" * 40
    api = service.start_api({"api.auth.token": token}).find_out_url()
    service.video()
    api.wait_for_log("attached to its ring")
    with pytest.raises(Closed, match="401"):
        WsClient(ws(api))
    with WsClient(ws(api), headers={"Authorization": f"Bearer {token}"}) as client:
        client.say(subscribe="video", id=1)
        client.picture()


def test_pictures_come_over_tls(service: Services, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make_certificate(key, certificate)
    api = service.both(api__tls__certificate_file=certificate, api__tls__key_file=key)
    with WsClient(ws(api), tls=trusting(), headers={"Origin": api.url}) as client:
        for name in (1, 2):
            client.say(subscribe="video", id=name, width=100 * name, fps=30)
        sizes = {one.id: picture(one.jpeg).shape[1] for one in client.pictures(1.0)}
        assert sizes == {1: 100, 2: 200}
        client.close()


def test_end_of_the_service_closes_with_going_away(service: Services) -> None:
    api = service.both()
    with WsClient(ws(api)) as client:
        client.say(subscribe="video", id=1)
        client.picture()
        api.signal(signal.SIGTERM)
        with pytest.raises(Closed) as closed:
            client.pictures(30)
    assert closed.value.code == 1001
    assert api.wait() == 0


def test_loss_of_the_video_module_ends_the_subscription_but_not_the_connection(
    service: Services,
) -> None:
    video = service.video()
    api = service.api(api__stream__video_loss_grace_sec=1).wait_ready()
    with WsClient(ws(api)) as client:
        client.say(subscribe="video", id=1)
        client.picture()
        video.kill()
        assert "did not come back" in client.told("ended")["why"]
        service.video()
        api.wait_ready()
        client.say(subscribe="video", id=1)
        number = client.picture().number
        wait_until(lambda: client.picture().number > number + 5, "live pictures")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x82\x80\0\0\0\0", 1003),
        (b"\x81\xff" + (1 << 20).to_bytes(8, "big") + bytes(4) + b"a" * 70_000, 1009),
        (b"\x81\x05hello", 1002),
        (b"\xf1\x80\0\0\0\0", 1002),
        (b"\x81\x81\0\0\0\0\xff", 1007),
        (b"\x83\x80\0\0\0\0", 1002),
    ],
    ids=["binary", "too long", "unmasked", "reserved bits", "no UTF-8", "unknown opcode"],
)
def test_wrong_frames_end_the_connection_with_the_code_for_it(
    running: Api, data: bytes, code: int
) -> None:
    with WsClient(ws(running)) as client:
        client.socket.sendall(data)
        with pytest.raises(Closed) as closed:
            client.picture()
    assert closed.value.code == code


@pytest.mark.timeout(120)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda text: text.encode())))
def test_no_bytes_at_all_make_a_traceback(running: Api, garbage: bytes) -> None:
    with WsClient(ws(running)) as client:
        client.socket.sendall(garbage)
        with contextlib.suppress(Closed, ConnectionError):
            client.ping()
            client.socket.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                client.wait_pong()
    assert running.answers("/healthz") == 200
    assert "Traceback" not in running.said()


@pytest.mark.timeout(120)
def test_flood_of_messages_starves_nobody(service: Services) -> None:
    api = service.both(api__workers=1)
    over = threading.Event()

    def flood() -> None:
        with WsClient(ws(api)) as client, contextlib.suppress(OSError, Closed):
            client.socket.settimeout(1.0)
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    client.socket.sendall(b"\x81\x80\0\0\0\0" * 500)

    with ThreadPoolExecutor(2) as pool:
        floods = [pool.submit(flood) for _ in range(2)]
        try:
            with MjpegClient(api.url + STREAM) as other:
                numbers = [part.number for part in other.parts(60)]
        finally:
            over.set()
        for each in floods:
            each.result(30)
    assert len(set(numbers)) >= 50, "frames, not repeats"
    assert numbers[-1] - numbers[0] < 120, "most of the frames there were"


@pytest.mark.timeout(120)
def test_who_takes_no_bytes_is_ended_after_the_stall_timeout(service: Services) -> None:
    api = service.both("pattern://1280x720@30", api__stream__stall_timeout_sec=2, api__workers=1)
    with WsClient(ws(api), acknowledging=False, receive_buffer_bytes=4096) as client:
        for name in range(1, 9):
            client.say(subscribe="video", id=name, quality=100, window=8)
        # the kernel's own limit is a second longer, and may begin to count earlier
        api.wait_for_log(r"WebSocket of \S+ ended: the client (took nothing for 2 s|has left)")
    assert status(api)["clients"] == 0
    assert re.search("Traceback", api.said()) is None


@pytest.mark.timeout(120)
def test_who_answers_no_ping_is_ended(service: Services) -> None:
    api = service.both(api__stream__stall_timeout_sec=1, api__workers=1)
    with WsClient(ws(api), answering=False) as client, pytest.raises(Closed) as closed:
        client.picture()
    assert "no ping" in closed.value.reason


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_auto_goes_down_where_the_client_is_slow_to_acknowledge(service: Services) -> None:
    api = service.both("pattern://640x480@30", api__workers=1)
    with WsClient(ws(api), acknowledging=False) as client:
        client.say(subscribe="video", id=1, quality="auto", window=1)
        first = client.picture()
        pause = threading.Event()
        sizes = []
        for _ in range(40):
            pause.wait(0.12)
            client.say(ack=1, number=first.number)
            first = client.picture()
            sizes.append(len(first.jpeg))
        assert "q85p" not in status(api)["auto"]
    assert min(sizes) < max(sizes) * 0.7
