"""What the page does when pictures stay away, and that it costs nothing when nobody looks."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import moves, set_hidden, text
from tests.support.nginx import LOCATION, Nginx
from tests.support.processes import wait_until
from tests.support.streams import status

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e, pytest.mark.slow]

HOLDING_BACK = """
proxy_buffering on;
proxy_ignore_headers X-Accel-Buffering;
proxy_buffer_size 64k;
proxy_buffers 4 32m;
proxy_busy_buffers_size 64m;
"""
"""What a careless proxy does: it collects megabytes before it passes anything on."""


def says(page: Page, state: str) -> None:
    wait_until(lambda: text(page, "#state") == state, f"the page to say {state}")


def test_picture_moves_again_after_the_video_module_was_killed(
    service: Services, page: Page
) -> None:
    video = service.video()
    api = service.api(api__stream__video_loss_grace_sec=1).wait_ready()
    page.goto(api.url + "/", wait_until="domcontentloaded")
    moves(page)
    video.kill()
    says(page, "No signal")
    wait_until(lambda: status(api)["clients"] == 0, "the stream to end after the grace")
    wait_until(lambda: "python -m services.video" in text(page, "#message"), "the advice")
    assert text(page, "#states").startswith("video: No signal. ")
    service.video()
    says(page, "Live")
    moves(page)
    assert not page.is_visible("#message")


def test_picture_moves_again_after_the_api_was_restarted(service: Services, page: Page) -> None:
    service.video()
    api = service.api().wait_ready()
    page.goto(api.url + "/", wait_until="domcontentloaded")
    moves(page)
    port = api.url.rsplit(":", 1)[1]
    api.kill()
    says(page, "No connection")
    service.api(api__port=port).wait_ready()
    says(page, "Live")
    moves(page)


def test_hanging_video_module_is_told_from_a_dead_one(service: Services, page: Page) -> None:
    video = service.video()
    api = service.api().wait_ready()
    page.goto(api.url + "/", wait_until="domcontentloaded")
    moves(page)
    video.signal(signal.SIGSTOP)
    try:
        says(page, "Stalled")
        wait_until(lambda: "restart it" in text(page, "#message"), "the advice")
    finally:
        video.signal(signal.SIGCONT)
    says(page, "Live")
    moves(page)


def test_page_without_video_module_says_how_to_start_it_and_shows_no_broken_picture(
    service: Services, page: Page
) -> None:
    api = service.api(video__shared_memory_attach_timeout_sec=0)
    page.goto(api.url + "/", wait_until="domcontentloaded")
    told = "Video Module is not running. Start it with: python -m services.video (nobody writes"
    wait_until(lambda: text(page, "#message").startswith(told), "the page to say so")
    assert not page.is_visible("#picture")
    service.video()
    moves(page)
    wait_until(lambda: page.is_visible("#picture"), "it to be seen")


@pytest.mark.parametrize("transport", ["stream", "image", "socket", "polling"])
def test_hidden_tab_has_no_traffic(running: Api, page: Page, transport: str) -> None:
    page.goto(f"{running.url}/?transport={transport}", wait_until="domcontentloaded")
    shown = ".stage img" if transport == "image" else "#picture"
    moves(page, shown)
    set_hidden(page, hidden=True)
    asked: list[str] = []
    wait_until(lambda: status(running)["clients"] == 0, "the stream to be given back", 5.0)
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1500)
    assert asked == [], "nothing is asked for while nobody looks"
    set_hidden(page, hidden=False)
    moves(page, shown)
    wait_until(lambda: text(page, "#state") == "Live", "the page to go on")


def test_paused_picture_stands_and_has_no_traffic(running: Api, page: Page) -> None:
    page.goto(running.url + "/", wait_until="domcontentloaded")
    moves(page)
    page.keyboard.press("p")
    wait_until(lambda: text(page, "#state") == "Paused", "the page to say paused")
    wait_until(lambda: status(running)["clients"] == 0, "the stream to be given back", 5.0)
    set_hidden(page, hidden=True)
    set_hidden(page, hidden=False)
    assert text(page, "#state") == "Paused", "coming back to the tab does not end the pause"
    page.keyboard.press("p")
    moves(page)


@pytest.mark.timeout(120)
def test_behind_a_proxy_that_buffers_the_page_polls_and_says_so(
    running: Api, page: Page, tmp_path: Path
) -> None:
    location = LOCATION.format(api=running.url) + HOLDING_BACK
    with Nginx(tmp_path, location) as nginx:
        page.goto(nginx.url + "/", wait_until="domcontentloaded")
        noted = "polling (a proxy buffers the stream)"
        wait_until(lambda: text(page, "#transport") == noted, "the page to poll")
        moves(page)
        says(page, "Live")
        page.goto("about:blank")


def test_page_that_comes_back_from_the_history_goes_on(running: Api, page: Page) -> None:
    page.goto(running.url + "/", wait_until="domcontentloaded")
    moves(page)
    page.goto(running.url + "/healthz")
    wait_until(lambda: status(running)["clients"] == 0, "the stream to be given back", 5.0)
    page.go_back(wait_until="commit")
    moves(page)


def test_browser_that_refuses_streams_to_scripts_gets_an_image(running: Api, page: Page) -> None:
    """As Safari does: fetch of multipart/x-mixed-replace fails at once."""
    page.add_init_script("""{
        const real = window.fetch;
        window.fetch = (address, how) => new URL(address).pathname === "/stream/video"
            ? Promise.reject(new TypeError("Load failed")) : real(address, how);
    }""")
    page.goto(running.url + "/", wait_until="domcontentloaded")
    moves(page, ".stage img")
    says(page, "Live")
    assert text(page, "#transport") == "MJPEG in <img>"


def test_skip_link_leads_to_the_picture_and_does_not_start_anew(running: Api, page: Page) -> None:
    page.goto(running.url + "/", wait_until="domcontentloaded")
    moves(page)
    page.evaluate("document.getElementById('picture').dataset.same = 'yes'")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.get_attribute("#picture", "data-same") == "yes"
