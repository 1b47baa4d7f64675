"""What clients see that no recipe asks for; recipes are run by tests/e2e/clients."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pytest

from services.latency.multipart import MultipartReader
from tests.support.mjpeg_client import get
from tests.support.pictures import bars_are_right, number_in, write_h264
from tests.support.processes import wait_until
from tests.support.recipes import assert_pattern_colors, program, sequences
from tests.support.streams import STREAM, assert_never_back, assert_telling, status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from playwright.sync_api import Page

    from services.latency.multipart import Part
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

SIZE: Final = (320, 240)
LOOK_AT_PICTURE: Final = """() => {
    const picture = document.getElementById("picture");
    if (!picture.naturalWidth) return "";
    const canvas = document.createElement("canvas");
    canvas.width = picture.naturalWidth;
    canvas.height = picture.naturalHeight;
    canvas.getContext("2d").drawImage(picture, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1];
}"""


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


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page in headless Chromium."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - slow to import

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program("chromium"), args=["--no-sandbox"]
        )
        yield browser.new_page()
        browser.close()


def seen_by_browser(page: Page) -> NDArray[np.uint8] | None:
    """The picture that the page shows at this moment, BGR."""
    png = base64.b64decode(page.evaluate(LOOK_AT_PICTURE))
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR) if png else None
    return None if image is None else image.astype(np.uint8, copy=False)


def shown(page: Page) -> int | None:
    """Number of the frame that the page shows at this moment."""
    image = seen_by_browser(page)
    return None if image is None else number_in(image)


def text(page: Page, element: str) -> str:
    """What an element of the page says."""
    return page.text_content(f"#{element}") or ""


def test_first_page_shows_the_moving_picture_and_its_numbers(running: Api, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(running.url + "/", wait_until="domcontentloaded")
    seen: set[int] = set()

    def moves() -> bool:
        number = shown(page)
        seen.update({number} if number is not None else set())
        return len(seen) >= 5

    wait_until(moves, f"five different pictures in the page, saw {seen}")
    image = seen_by_browser(page)
    assert image is not None
    assert_pattern_colors(image)
    wait_until(lambda: text(page, "state") == "online", "the page to say online")
    wait_until(lambda: float(text(page, "fps")) > 20, "the page to say how many fps")
    assert page.title() == "video – Ringcast"  # noqa: RUF001 - the dash is meant
    hrefs = page.eval_on_selector_all("#links a", "links => links.map(link => link.pathname)")
    for path in ("/stream/video", "/stream/video/frame", "/stream/video/status", "/readyz"):
        assert path in hrefs
    assert complaints == [], "the page breaks neither its own policy nor anything else"
    page.goto("about:blank")
    wait_until(lambda: status(running)["clients"] == 0, "the page to give its stream back", 5.0)


def test_pictures_encoded_in_stripes_look_right_to_every_client(
    service: Services, page: Page
) -> None:
    api = service.both(
        "pattern://1280x720@15", api__workers=1, api__stream__performance__encoder_threads=2
    )
    _, _, jpeg = get(f"{api.url}{STREAM}/frame")
    assert b"\xff\xdd\x00\x04" in jpeg[:2000], "restart markers: it was put together of stripes"
    assert_pattern_colors(seen_by_ffmpeg(api.url + STREAM, (1280, 720)))
    assert_pattern_colors(seen_by_opencv(api.url + STREAM))
    page.goto(api.url + "/", wait_until="domcontentloaded")
    wait_until(lambda: shown(page) is not None, "the picture, its number readable")
    image = seen_by_browser(page)
    assert image is not None
    assert_pattern_colors(image)
    page.goto("about:blank")


def test_page_shows_the_picture_again_after_the_video_module_was_away(
    service: Services, page: Page
) -> None:
    video = service.video()
    api = service.api(api__stream__video_loss_grace_sec=1).wait_ready()
    page.goto(api.url + "/", wait_until="domcontentloaded")
    wait_until(lambda: shown(page) is not None, "the picture")
    video.stop()
    wait_until(lambda: text(page, "state") == "no signal", "the page to say no signal")
    wait_until(lambda: status(api)["clients"] == 0, "the stream to end after the grace")
    service.video()
    numbers: set[int] = set()

    def moves() -> bool:
        number = shown(page)
        numbers.update({number} if number is not None else set())
        return len(numbers) >= 3

    wait_until(moves, f"moving pictures again, saw {numbers}")
    page.goto("about:blank")


def test_page_without_video_module_says_how_to_start_it_and_shows_no_broken_picture(
    service: Services, page: Page
) -> None:
    api = service.api(video__shared_memory_attach_timeout_sec=0)
    page.goto(api.url + "/", wait_until="domcontentloaded")
    told = "Video Module is not running. Start it with: python -m services.video (nobody writes"
    wait_until(lambda: text(page, "message").startswith(told), "the page to say so")
    assert not page.is_visible("#picture")
    service.video()
    wait_until(lambda: shown(page) is not None, "the picture, without reloading the page")
    wait_until(lambda: page.is_visible("#picture"), "it to be seen")
    page.goto("about:blank")


def test_addresses_are_whole_on_a_narrow_screen(running: Api, page: Page) -> None:
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": 360, "height": 740})
    try:
        page.goto(running.url + "/", wait_until="domcontentloaded")
        lines = page.eval_on_selector_all(
            "#links a", "links => links.map(link => link.getClientRects().length)"
        )
        assert lines[0] == lines[2] == lines[3] == 1, "one line each"
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    finally:
        page.set_viewport_size(size)
        page.goto("about:blank")


def test_page_offers_every_camera(service: Services, page: Page) -> None:
    other = f"{service.segment}-two"
    service.video()
    service.video("pattern://160x120@10", video__shared_memory_name=other)
    api = service.api(api__cameras=json.dumps({"garage": other})).wait_ready()
    page.goto(api.url + "/", wait_until="domcontentloaded")
    page.click("#cameras a[data-camera=garage]")
    wait_until(lambda: text(page, "size").startswith("160"), "the other camera's size")
    assert page.get_attribute("#cameras a[data-camera=garage]", "aria-current") == "page"
    wait_until(lambda: shown(page) is not None, "the other camera's picture")
    page.goto("about:blank")
