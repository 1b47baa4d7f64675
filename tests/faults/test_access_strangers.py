"""Strangers at the door of the real API: what they get, what they learn, what the log says."""

from __future__ import annotations

import json
import os
import re
import socket
from typing import TYPE_CHECKING

import pytest

from services.api.access.attempts import LIMIT
from tests.support.mjpeg_client import MjpegClient, get
from tests.support.processes import SMALL, Services
from tests.support.secrets import (
    CLOSED,
    KEY,
    METRICS,
    PASSWORD,
    TOKEN,
    VIEW,
    basic,
    bearer,
    raw,
    signed,
)
from tests.support.streams import STREAM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import Api

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e]


def without_moment(answer: bytes) -> bytes:
    """The answer without what names the one request: its date and its id."""
    own = re.search(rb"X-Request-ID: (\w+)\r\n", answer)
    assert own is not None
    answer = answer.replace(own[1], b"")
    return b"\r\n".join(line for line in answer.split(b"\r\n") if not line.startswith(b"Date:"))


def test_a_stranger_gets_the_same_bytes_whatever_there_is(service: Services) -> None:
    api = service.both(SMALL, api__auth__token=TOKEN)
    for line in ("GET {} HTTP/1.1", "GET http://127.0.0.1{} HTTP/1.0", "OPTIONS {} HTTP/1.0"):
        answers = {
            path: without_moment(
                raw(api, f"{line.format(path)}\r\nHost: localhost\r\n"
                    "Connection: close\r\n\r\n".encode())
            )
            for path in CLOSED
        }  # fmt: skip
        bodies = {path: answer.partition(b"\r\n\r\n")[2] for path, answer in answers.items()}
        assert len(set(bodies.values())) == 1
        for path, answer in answers.items():
            assert b" 401 UNAUTHORIZED\r\n" in answer, path
            for word in (b"video", b"320", b"live"):
                assert word not in answer
    camera, none = (raw(api, f"GET /stream/{name} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                    for name in ("video", "other"))  # fmt: skip
    assert without_moment(camera) == without_moment(none)


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Both services as they start by default, for tests that only look."""
    folder = tmp_path_factory.mktemp("unguarded")
    services = Services(folder, f"test-{os.getpid()}-unguarded")
    try:
        yield services.both(SMALL)
    finally:
        services.stop()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_nothing_can_be_changed_by_anybody(unguarded: Api, method: str) -> None:
    for path in ("/", "/stream/video", "/healthz", "/nothing", "/static/page.js"):
        code, headers, body = get(unguarded.url + path, method=method)
        assert code == 405
        assert headers["allow"] == "GET, HEAD, OPTIONS"
        assert json.loads(body)["status"] == 405


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost", 200),
        ("door.localhost:9999", 200),
        ("10.1.2.3", 200),
        ("[::1]:80", 200),
        (socket.gethostname(), 200),
        (f"{socket.gethostname().upper()}.local.:1", 200),
        ("evil.example", 421),
        ("evil.example:8000", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("user@localhost", 421),
        ("localhost, evil.example", 421),
    ],
)
def test_rebound_names_get_no_picture(unguarded: Api, host: str, code: int) -> None:
    for path in ("/cameras", "/stream/video/status", "/healthz", "/stream/video/frame"):
        told, _, body = get(unguarded.url + path, headers={"Host": host})
        assert told == code
        assert (b"api.http.allowed_hosts" in body) is (code == 421)


def test_two_hosts_are_refused_and_none_is_old_http(unguarded: Api) -> None:
    both = b"GET /cameras HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
    assert b" 400 " in raw(unguarded, both).split(b"\r\n")[0]
    assert b" 200 " in raw(unguarded, b"GET /cameras HTTP/1.0\r\n\r\n").split(b"\r\n")[0]


def test_guessing_is_slowed_and_said_and_does_not_lock_out_who_knows(service: Services) -> None:
    api = service.both(SMALL, api__auth__token=TOKEN, api__workers=1)
    guesses = 60
    codes = []
    for number in range(guesses):
        spoofed = {"X-Forwarded-For": f"198.51.100.{number % 250}"}
        guess = bearer(f"guess-number-{number:06}") if number % 2 else basic(f"admin:guess{number}")
        codes.append(get(api.url + STREAM, headers={**guess, **spoofed})[0])
    assert codes == [401] * LIMIT + [429] * (guesses - LIMIT)
    code, headers, _ = get(api.url + "/", headers=bearer("guess-once-more-now"))
    assert code == 429
    assert 1 <= int(headers["retry-after"]) <= 60
    assert get(api.url + "/", headers=bearer(TOKEN))[0] == 200
    assert get(api.url + "/healthz")[0] == 200
    said = api.said()
    assert said.count("access refused to 127.0.0.1: wrong") == LIMIT
    assert said.count("access refused to") == LIMIT + 1
    assert "198.51.100." not in said, "nobody is trusted to forward"
    assert "guess" not in said


def test_no_secret_is_ever_in_the_log_or_in_an_answer(service: Services, credentials: Path) -> None:
    api = service.both(
        SMALL,
        api__auth__credentials_file=credentials,
        api__auth__token=TOKEN,
        logging__level="DEBUG",
    )
    address = signed(credentials, STREAM)
    late = signed(credentials, STREAM, -5)
    mac = address.partition("token=door.")[2].partition("&")[0]
    late_mac = late.partition("token=door.")[2].partition("&")[0]
    userpass = basic(f"alice:{PASSWORD}")["Authorization"].removeprefix("Basic ")
    for headers in (bearer(TOKEN), bearer(VIEW), basic(f"alice:{PASSWORD}"), basic(f"x:{TOKEN}")):
        with MjpegClient(api.url + STREAM, headers=headers) as client:
            client.next_part()
    with MjpegClient(api.url + address) as client:
        client.next_part()
    with MjpegClient(f"{api.url}{address}&fps=5", headers={"Referer": api.url + address}) as client:
        client.next_part()
    answers = b""
    for url, headers in (
        (api.url + late, {}),
        (f"{api.url}/nothing?token={TOKEN}", {}),
        (f"{api.url}/nothing?token={TOKEN}&expires=1", bearer(VIEW)),
        (f"{api.url}{address}&quality=bad", {}),
        (f"{api.url}{STREAM}/frame?{address.partition('?')[2]}", {}),
        (f"{api.url}/?token={VIEW}", {"Referer": api.url + address}),
        (api.url + STREAM, {"Authorization": f"Digest {TOKEN}"}),
        (api.url + STREAM, {"Authorization": TOKEN}),
        (api.url + STREAM, basic(f"{TOKEN}:")),
        (api.url + STREAM, {**bearer(METRICS), "Host": "evil.example"}),
    ):
        answers += repr(get(url, headers=headers)).encode()
    for request in (
        f"GET {address} nonsense HTTP/1.1\r\nHost: localhost\r\n\r\n",
        f"GET {address} HTTP/7.7\r\nHost: localhost\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization Bearer {TOKEN}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {userpass}\r\n more\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic\r\n {userpass}\r\n\r\n",
        f"GET {address} HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        f"POST {address} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ):
        raw(api, request.encode())
    api.wait_for_log("Invalid request from ip=127.0.0.1")
    api.wait_for_log(rf"Using shared memory streaming mode: {STREAM}\?fps=5 for")
    api.wait_for_log(r"GET /stream/video/shm\?token=\*\*\*&expires=\d+ HTTP")
    said = api.said()
    for secret in (TOKEN, VIEW, METRICS, PASSWORD, KEY, mac, late_mac, userpass):
        assert secret not in said
        assert secret.encode() not in answers
    assert "Traceback" not in said
