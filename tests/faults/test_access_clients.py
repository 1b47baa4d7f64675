"""The clients people use, with credentials: curl, ffmpeg, VLC, a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.support.mjpeg_client import get
from tests.support.processes import SMALL, Services, wait_until
from tests.support.secrets import (
    FILE,
    KEY,
    PASSWORD,
    VIEW,
    signed,
)
from tests.support.streams import STREAM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.support.processes import Api

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e]


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
def test_vlc_gets_in(guarded: tuple[Api, Path], way: str) -> None:
    api, credentials = guarded
    url = api.url
    url = with_userinfo(url + STREAM) if way == "url" else url + signed(credentials, STREAM)
    output = "#std{access=file,mux=mpjpeg,dst=-}"
    somebody = "nobody" if os.geteuid() == 0 else None  # VLC refuses to run as root
    with subprocess.Popen(
        [program("cvlc"), "--quiet", "--sout", output, url],
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
    """Wait until the page shows the picture, says that it is live, and its frames go on."""
    numbers: set[str] = set()

    def shown() -> bool:
        width = page.evaluate("document.getElementById('picture')?.width")
        numbers.add(page.text_content("#number") or "")
        return width == 320 and page.text_content("#state") == "Live" and len(numbers) >= 3

    wait_until(shown, "the picture to move")


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["stream", "socket"])
@pytest.mark.parametrize("way", ["dialog", "url"])
def test_page_works_in_a_browser_that_has_logged_in(
    guarded: tuple[Api, Path], browser: Browser, way: str, transport: str
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
    page.goto(f"{url}/?transport={transport}", wait_until="domcontentloaded")
    moves(page)
    named = {"stream": "MJPEG stream", "socket": "WebSocket"}
    assert page.text_content("#transport") == named[transport]
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
