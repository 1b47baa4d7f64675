"""Strangers at the door of the real API: what they get, what they learn, what the log says."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import numpy as np
import pytest

from services.api.access.attempts import LIMIT
from services.api.url import signed_address
from shared.settings_api import AuthSettings
from tests.support.mjpeg_client import MjpegClient, get
from tests.support.processes import SMALL, Services, wait_until
from tests.support.streams import STREAM, assert_never_back, assert_telling
from tests.support.tls import make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.support.processes import Api

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e]

TOKEN: Final = "token-0f-everything"  # noqa: S105 - all secrets here are of nobody
VIEW, METRICS = "view-0ff-viewers-1", "metrics-0f-watchers"
PASSWORD: Final = "pass:w0rd-of-alice"  # noqa: S105
KEY: Final = "key-0f-the-front-door"
FILE: Final = f"""
view token {VIEW}
metrics token {METRICS}
view basic alice:{PASSWORD}
view key door {KEY}
"""
ELSEWHERE: Final = "192.0.2.1"
"""An address of nobody (RFC 5737): published there, listening on loopback all the same."""


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    path = tmp_path / "credentials"
    path.write_text(FILE, encoding="utf-8")
    path.chmod(0o600)
    return path


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def signed(credentials: Path, path: str, expires_in_s: float = 60) -> str:
    """Path and query of a signed address."""
    auth = AuthSettings.model_validate({"credentials_file": credentials})
    return signed_address(auth, path, int(time.time() + expires_in_s))


def replace(path: Path, text: str) -> None:
    """Put a new file in an old one's place, as a careful operator does."""
    beside = path.with_name("beside")
    beside.write_text(text, encoding="utf-8")
    beside.chmod(0o600)
    beside.replace(path)


def raw(api: Api, request: bytes) -> bytes:
    """Send bytes as they are and read all that comes."""
    target = urlsplit(api.url)
    answer = b""
    with socket.create_connection((target.hostname, target.port), timeout=10) as connection:
        connection.sendall(request)
        while more := connection.recv(65536):
            answer += more
    return answer


# ---------------------------------------------------------------- the start


@pytest.mark.parametrize(
    ("settings", "variables", "sentence"),
    [
        ({"api.host": "0.0.0.0"}, {}, r"reached from other machines \(0\.0\.0\.0\)"),  # noqa: S104
        ({"api.published_host": ELSEWHERE}, {}, r"reached from other machines \(192\.0\.2\.1\)"),
        ({}, {"GUNICORN_CMD_ARGS": "--bind=0.0.0.0:0"}, r"other machines \(0\.0\.0\.0\)"),
        ({"api.auth.mode": "required"}, {}, "there is no credential"),
        ({"api.auth.credentials_file": "missing"}, {}, "credentials file missing cannot be read"),
        ({"api.auth.token": "short-s3cret"}, {}, "api.auth.token: must have at least 16"),
    ],
)
def test_api_that_would_be_open_by_accident_does_not_start(
    service: Services, settings: dict[str, object], variables: dict[str, str], sentence: str
) -> None:
    api = service.start_api(settings, **variables)
    assert api.wait(30) == 2
    api.wait_for_log(f"ringcast: .*{sentence}")
    said = api.said()
    assert "Booting worker" not in said
    assert "Traceback" not in said
    assert "short-s3cret" not in said


def test_wrong_files_are_all_named_before_anything_starts(
    service: Services, credentials: Path, tmp_path: Path
) -> None:
    credentials.write_text("view token sh0rt\nwhat token is-thi5-a-secret-too\n", encoding="utf-8")
    make_certificate(tmp_path / "one.key", tmp_path / "one.pem")
    make_certificate(tmp_path / "two.key", tmp_path / "two.pem")
    api = service.start_api(
        {
            "api.auth.credentials_file": credentials,
            "api.tls.certificate_file": tmp_path / "one.pem",
            "api.tls.key_file": tmp_path / "two.key",
        }
    )
    assert api.wait(30) == 2
    said = api.said()
    assert "line 1: a token must have at least 16 characters" in said
    assert "line 2: must begin with its scopes" in said
    assert "is not the key of the certificate" in said
    assert "Listening at" not in said
    assert "sh0rt" not in said
    assert "thi5" not in said


def test_who_chose_to_be_open_is_warned_once(service: Services) -> None:
    api = service.api(api__published_host=ELSEWHERE, api__auth__mode="none", api__workers=2)
    assert api.said().count("no authentication (api.auth.mode=none)") == 1
    assert get(api.url + "/cameras")[0] == 200


def test_reload_that_would_open_it_by_accident_ends_it(service: Services) -> None:
    config = service.folder / "config.json"
    closed = {"api": {"published_host": ELSEWHERE, "auth": {"token": TOKEN}}}
    config.write_text(json.dumps(closed), encoding="utf-8")
    api = service.api()
    assert get(api.url + "/cameras")[0] == 401
    config.write_text(json.dumps({"api.published_host": ELSEWHERE}), encoding="utf-8")
    api.signal(signal.SIGHUP)
    assert api.wait(30) == 2
    assert "reached from other machines" in api.said()


def test_the_video_module_is_not_asked_for_the_apis_credentials(service: Services) -> None:
    video = service.video(api__host="0.0.0.0", api__auth__mode="required")  # noqa: S104
    video.wait_for_log("segment .* slots of")


# ---------------------------------------------------------------- strangers

CLOSED: Final = [
    "/",
    "/cameras",
    "/favicon.ico",
    "/static/page.js",
    "/stream/video",
    "/stream/video/shm",
    "/stream/video/frame",
    "/stream/video/status",
    "/stream/nothing",
    "/stream/nothing/frame",
    "/nothing",
    "/metrics",
    "//stream/video",
    "/stream//video",
    "/stream/video/",
    "/%2e%2e/cameras",
    "/static/../cameras",
    "/static/%2e%2e/app.py",
]


def without_date(answer: bytes) -> bytes:
    return b"\r\n".join(line for line in answer.split(b"\r\n") if not line.startswith(b"Date:"))


def test_a_stranger_gets_the_same_bytes_whatever_there_is(service: Services) -> None:
    api = service.both(SMALL, api__auth__token=TOKEN)
    for line in ("GET {} HTTP/1.1", "GET http://127.0.0.1{} HTTP/1.0", "OPTIONS {} HTTP/1.0"):
        answers = {
            path: without_date(
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
    assert without_date(camera) == without_date(none)


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


# ---------------------------------------------------------------- guessing


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


# ---------------------------------------------------------------- signed addresses


def test_a_signature_opens_nothing_but_its_address(service: Services, credentials: Path) -> None:
    api = service.both(SMALL, api__auth__credentials_file=credentials)
    address = signed(credentials, "/stream/video/status")
    path, _, query = address.partition("?")
    assert get(api.url + address)[0] == 200
    assert get(f"{api.url}{path}?fps=5&{query}")[0] == 200
    for same in ("/stream/v%69deo/status", "/stream/video%2Fstatus", "//stream/video/status"):
        answer = raw(api, f"GET {same}?{query} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        assert b'"camera": "video"' in answer or b'"camera":"video"' in answer
    others = [one for one in CLOSED if one != path]
    others += ["/stream/video/status/", "/stream/video/status%00", "/stream/video/status%0A"]
    others += ["/stream/video/%2e/status", "/stream/./video/status", "/stream/video/shm/status"]
    others += ["/stream/video%252Fstatus", "/stream/video/status%20", "/stream/VIDEO/status"]
    for other in others:
        for trick in (
            "",
            f"SCRIPT_NAME: {path}\r\n",
            f"PATH_INFO: {path}\r\n",
            f"X-Original-URL: {path}\r\nX-Rewrite-URL: {path}\r\nX-Forwarded-Prefix: {path}\r\n",
        ):
            request = f"GET {other}?{query} HTTP/1.0\r\nHost: localhost\r\n{trick}\r\n"
            first = raw(api, request.encode()).split(b"\r\n")[0]
            assert b" 401 " in first or b" 429 " in first, other
    before, _, after = query.partition("&expires=")
    for changed in (before, f"expires={after}", f"{before}&expires=9{after}", f"{query[:-1]}"):
        assert get(f"{api.url}{path}?{changed}")[0] in {401, 429}
    assert get(api.url + address)[0] == 200


@pytest.mark.slow
def test_stream_that_was_opened_in_time_goes_on_after_it(
    service: Services, credentials: Path
) -> None:
    api = service.both(SMALL, api__auth__credentials_file=credentials)
    address = signed(credentials, STREAM, 2.5)
    with MjpegClient(api.url + address) as client:
        client.next_part()
        parts = []

        def over() -> bool:
            parts.append(client.next_part())
            return get(api.url + address, method="HEAD")[0] == 401

        wait_until(over, "the address to expire", 20)
        _, _, body = get(api.url + address)
        assert b"This signed address has expired." in body
        parts += client.parts(30)
    assert_never_back(parts)
    assert_telling(parts[-1])


# ---------------------------------------------------------------- rotation


@pytest.mark.slow
def test_new_credentials_count_at_once_and_open_streams_go_on(
    service: Services, credentials: Path
) -> None:
    api = service.both(SMALL, api__auth__credentials_file=credentials, api__workers=2)
    by_key = signed(credentials, "/cameras")
    with MjpegClient(api.url + STREAM, headers=bearer(VIEW)) as client:
        parts = list(client.parts(5))
        replace(credentials, "view token a-new-token-for-all\nview key door an0ther-secret-key\n")

        def old_is_shut() -> bool:
            """In every worker: whichever answers."""
            return {get(api.url + "/cameras", headers=bearer(VIEW))[0] for _ in range(8)} <= {
                401,
                429,
            }

        wait_until(old_is_shut, "the old token to be refused", 20)
        assert get(api.url + "/cameras", headers=bearer("a-new-token-for-all"))[0] == 200
        assert get(api.url + by_key)[0] in {401, 429}
        assert get(api.url + signed(credentials, "/cameras"))[0] == 200
        replace(credentials, "view token sh0rt\n")
        wait_until(
            lambda: (
                get(api.url + "/cameras", headers=bearer("a-new-token-for-all"))[0] == 200
                and "What was valid before stays so" in api.said()
            ),
            "a broken file to be said, and to change nothing",
            20,
        )
        credentials.unlink()
        assert get(api.url + "/cameras", headers=bearer("a-new-token-for-all"))[0] == 200
        parts += client.parts(30)
    assert_never_back(parts)
    for secret in ("sh0rt", "a-new-token-for-all", "an0ther-secret-key", VIEW):
        assert secret not in api.said()


@pytest.mark.slow
def test_neither_a_new_worker_nor_a_reload_dies_of_a_broken_file(
    service: Services, credentials: Path
) -> None:
    api = service.both(SMALL, api__auth__credentials_file=credentials, api__workers=2)
    replace(credentials, "broken\n")
    killed = api.workers()[0]
    killed.kill()
    wait_until(
        lambda: len(api.workers()) == 2 and killed.pid not in {p.pid for p in api.workers()},
        "a new worker",
    )
    workers = {process.pid for process in api.workers()}
    api.signal(signal.SIGHUP)
    wait_until(
        lambda: len(api.workers()) == 2 and not workers & {p.pid for p in api.workers()},
        "new workers after SIGHUP",
    )
    assert get(api.url + "/healthz")[0] == 200
    assert get(api.url + "/cameras", headers=bearer(VIEW))[0] == 401, "shut, not open"
    replace(credentials, FILE)
    wait_until(
        lambda: all(get(api.url + "/cameras", headers=bearer(VIEW))[0] == 200 for _ in range(8)),
        "the right file to be taken by all",
        20,
    )
    assert api.process.poll() is None


# ---------------------------------------------------------------- the log


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


# ---------------------------------------------------------------- the clients people use


def program(name: str) -> str:
    """Find a program; see tests/apt-packages.txt."""
    path = shutil.which(name)
    assert path is not None, f"{name} is not installed; see tests/apt-packages.txt"
    return path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Path]]:
    """Both services with credentials, for tests that only look."""
    folder = tmp_path_factory.mktemp("guarded")
    path = folder / "credentials"
    path.write_text(FILE, encoding="utf-8")
    path.chmod(0o600)
    services = Services(folder, f"test-{os.getpid()}-guarded")
    try:
        yield services.both(SMALL, api__auth__credentials_file=path), path
    finally:
        services.stop()


def with_userinfo(url: str) -> str:
    return url.replace("http://", f"http://whoever:{VIEW}@")


@pytest.mark.parametrize("way", ["user", "netrc", "header", "url", "signed"])
def test_curl_gets_in(guarded: tuple[Api, Path], tmp_path: Path, way: str) -> None:
    api, credentials = guarded
    command = [program("curl"), "--silent", "--fail", "--output", str(tmp_path / "frame.jpg")]
    url = f"{api.url}{STREAM}/frame"
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login x password {VIEW}\n", encoding="utf-8")
    more = {
        "user": ["--user", f"alice:{PASSWORD}", url],
        "netrc": ["--netrc-file", str(netrc), url],
        "header": ["--header", f"Authorization: Bearer {VIEW}", url],
        "url": [with_userinfo(url)],
        "signed": [api.url + signed(credentials, f"{STREAM}/frame")],
    }
    subprocess.run(command + more[way], check=True, timeout=30)
    assert (tmp_path / "frame.jpg").read_bytes()[:2] == b"\xff\xd8"
    refused = 22
    assert subprocess.run([*command, url], check=False, timeout=30).returncode == refused


@pytest.mark.parametrize("way", ["url", "header", "signed"])
def test_ffmpeg_gets_in(guarded: tuple[Api, Path], way: str) -> None:
    api, credentials = guarded
    url = api.url + STREAM
    source = {
        "url": ["-i", with_userinfo(url)],
        "header": ["-headers", f"Authorization: Bearer {VIEW}\r\n", "-i", url],
        "signed": ["-i", api.url + signed(credentials, STREAM)],
    }
    command = [program("ffmpeg"), "-loglevel", "error", "-f", "mpjpeg", *source[way]]
    command += ["-frames:v", "5", "-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=50)
    assert len(np.frombuffer(done.stdout, np.uint8)) == 5 * 320 * 240 * 3


@pytest.mark.parametrize("way", ["url", "signed"])
def test_vlc_gets_in_where_it_is_installed(guarded: tuple[Api, Path], way: str) -> None:
    vlc = shutil.which("cvlc")
    if vlc is None:
        pytest.skip("VLC is large and not among tests/apt-packages.txt")
    api, credentials = guarded
    url = api.url
    url = with_userinfo(url + STREAM) if way == "url" else url + signed(credentials, STREAM)
    output = "#std{access=file,mux=mpjpeg,dst=-}"
    somebody = "nobody" if os.geteuid() == 0 else None  # VLC refuses to run as root
    with subprocess.Popen(
        [vlc, "--quiet", "--sout", output, url],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        user=somebody,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    ) as playing:
        assert playing.stdout is not None
        saved = b""
        try:
            while saved.count(b"\xff\xd8\xff") < 5 and (more := playing.stdout.read(65536)):
                saved += more
        finally:
            playing.kill()
    assert saved.count(b"\xff\xd8\xff") >= 5


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - slow to import

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program("chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


def moves(page: Page) -> None:
    """Wait until the page shows the picture, says that it is online, and its frames go on."""
    numbers: set[str] = set()

    def shown() -> bool:
        width = page.evaluate("document.getElementById('picture').naturalWidth")
        numbers.add(page.text_content("#number") or "")
        return width == 320 and page.text_content("#state") == "online" and len(numbers) >= 3

    wait_until(shown, "the picture to move")


@pytest.mark.slow
@pytest.mark.parametrize("way", ["dialog", "url"])
def test_page_works_in_a_browser_that_has_logged_in(
    guarded: tuple[Api, Path], browser: Browser, way: str
) -> None:
    """With the password in the address the page's own requests must not inherit it."""
    api, _ = guarded
    url = with_userinfo(api.url) if way == "url" else api.url
    login = {"username": "alice", "password": PASSWORD} if way == "dialog" else None
    context = browser.new_context(http_credentials=login)  # type: ignore[arg-type]  # a TypedDict
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url + "/", wait_until="domcontentloaded")
    moves(page)
    assert complaints == []
    assert VIEW not in page.inner_text("body")
    context.close()


def test_page_is_shut_to_a_browser_without_credentials(
    guarded: tuple[Api, Path], browser: Browser
) -> None:
    from playwright.sync_api import Error as PlaywrightError  # noqa: PLC0415 - slow to import

    api, _ = guarded
    context = browser.new_context()
    page = context.new_page()
    with pytest.raises(PlaywrightError, match="ERR_INVALID_AUTH_CREDENTIALS"):
        page.goto(api.url + "/", wait_until="domcontentloaded")
    context.close()


class EmptyPage(BaseHTTPRequestHandler):
    """Answers everything with an empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture
def strangers_page() -> Iterator[int]:
    """The port of another web server."""
    with HTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_other_pages_show_signed_pictures_only_where_the_policy_lets_them(
    service: Services, browser: Browser, credentials: Path, strangers_page: int
) -> None:
    """The stranger's page is on localhost, we are on 127.0.0.1: for a browser two sites."""
    service.video()
    for policy, width in (("same-site", 0), ("cross-origin", 320)):
        api = service.api(
            api__auth__credentials_file=credentials, api__http__resource_policy=policy
        ).wait_ready()
        context = browser.new_context()
        page = context.new_page()
        picture = api.url + signed(credentials, f"{STREAM}/frame")
        page.goto(f"http://localhost:{strangers_page}/")
        seen = page.evaluate(
            """url => new Promise(done => {
                const image = new Image();
                image.onload = () => done(image.naturalWidth);
                image.onerror = () => done(0);
                image.src = url;
            })""",
            picture,
        )
        assert seen == width
        context.close()


def test_the_command_makes_addresses_that_open(guarded: tuple[Api, Path]) -> None:
    api, credentials = guarded
    environment = {
        "RINGCAST_API__AUTH__CREDENTIALS_FILE": str(credentials),
        "PATH": "/usr/bin:/bin",
    }
    command = [sys.executable, "-m", "services.api.url", "/stream/video/status"]
    command += ["--expires-in", "1m", "--base", api.url]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment, timeout=30
    )
    assert get(done.stdout.strip())[0] == 200
    assert KEY not in done.stdout + done.stderr
    wrong = subprocess.run([*command, "--key", "none"], check=False, capture_output=True, text=True,
                           env=environment, timeout=30)  # fmt: skip
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("ringcast: there is no key 'none'")
