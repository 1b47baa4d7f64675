"""One camera in the page: the picture moves, the numbers are true, each transport carries it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import code_in, moves, pixels, text
from tests.support.pictures import number_in
from tests.support.processes import wait_until
from tests.support.streams import status

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e, pytest.mark.slow]

AN_HOUR_AHEAD = """{
    const origin = performance.timeOrigin + 3_600_000;
    Object.defineProperty(performance, "timeOrigin", { get: () => origin });
}"""


def milliseconds(shown: str) -> float | None:
    """Parse what the page says of an age; None: it does not know."""
    found = re.fullmatch(r"([\d.]+) (ms|s)", shown)
    return None if found is None else float(found[1]) * (1000 if found[2] == "s" else 1)


def test_picture_moves_and_the_page_says_how_it_fares(running: Api, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(running.url + "/", wait_until="domcontentloaded")
    moves(page)
    wait_until(lambda: text(page, "#state") == "Live", "the page to say live")
    wait_until(lambda: float(text(page, "#fps").replace("–", "0")) > 15, "frames per second")  # noqa: RUF001 - the page's dash
    wait_until(lambda: text(page, "#bandwidth").endswith("bit/s"), "the bandwidth")
    wait_until(lambda: text(page, "#size") == "320 × 240", "the size")  # noqa: RUF001 - the sign is meant
    wait_until(lambda: text(page, "#clients") == str(status(running)["clients_total"]), "clients")
    wait_until(lambda: text(page, "#source").startswith("pattern://"), "the source")
    assert text(page, "#transport") == "MJPEG stream"
    assert page.title() == "video – Ringcast"  # noqa: RUF001 - the dash is meant
    assert complaints == []
    page.goto("about:blank")
    wait_until(lambda: status(running)["clients"] == 0, "the page to give its stream back", 5.0)


@pytest.mark.parametrize("clock", ["right", "an hour ahead"])
def test_age_shown_is_right_against_the_pattern(running: Api, page: Page, clock: str) -> None:
    if clock != "right":
        page.add_init_script(AN_HOUR_AHEAD)
    page.goto(running.url + "/", wait_until="domcontentloaded")
    moves(page)
    wait_until(lambda: milliseconds(text(page, "#age")) is not None, "an age")

    def agree() -> bool:
        """A picture looked at is as old as when it was painted, or older by up to one interval."""
        ages = []
        for _ in range(15):
            code = code_in(page)
            if code is not None:
                ages.append(time.time() * 1e3 - code.captured_wall_us / 1e3)
        shown = milliseconds(text(page, "#age"))
        assert shown is not None
        return len(ages) > 5 and min(ages) - 100 <= shown <= max(ages) + 50

    wait_until(agree, "the age shown to be that of the pictures")


@pytest.mark.parametrize("transport", ["stream", "image", "socket", "polling"])
def test_every_transport_carries_the_picture(running: Api, page: Page, transport: str) -> None:
    page.goto(f"{running.url}/?transport={transport}", wait_until="domcontentloaded")
    shown = ".stage img" if transport == "image" else "#picture"
    moves(page, shown)
    wait_until(lambda: text(page, "#state") == "Live", "the page to say live")
    named = {"stream": "MJPEG stream", "image": "MJPEG in <img>", "socket": "WebSocket"}
    assert text(page, "#transport") == named.get(transport, "polling")
    page.goto("about:blank")
    wait_until(lambda: status(running)["clients"] == 0, "no client to be left", 5.0)


def test_pictures_encoded_in_stripes_are_shown(service: Services, page: Page) -> None:
    api = service.both(
        "pattern://1280x720@15", api__workers=1, api__stream__performance__encoder_threads=2
    )
    page.goto(api.url + "/", wait_until="domcontentloaded")
    moves(page)
    image = pixels(page)
    assert image is not None
    assert image.shape == (720, 1280, 3)


@pytest.mark.parametrize("size", ["1920x240", "240x960"])
def test_very_wide_and_very_tall_pictures_stay_on_the_screen(
    service: Services, page: Page, size: str
) -> None:
    api = service.both(f"pattern://{size}@10")
    page.goto(api.url + "/", wait_until="domcontentloaded")
    moves(page)
    assert number_in(pixels(page)) is not None  # type: ignore[arg-type]  # moves() has seen it
    stage = page.locator(".stage").bounding_box()
    window = page.viewport_size
    assert stage is not None
    assert window is not None
    assert stage["y"] + stage["height"] <= window["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= window["width"]


def test_page_without_scripts_shows_the_camera(running: Api, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(running.url + "/", wait_until="commit")
    page.wait_for_selector("noscript img", state="visible")
    assert page.get_attribute("noscript img", "src") == "/stream/video"
    context.close()
