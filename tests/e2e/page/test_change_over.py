"""The page goes on without a gap when the server ends its stream and another one answers."""

from __future__ import annotations

import logging
import re
import signal
from typing import TYPE_CHECKING, Any, Final

import pytest

from services.api.lifespan import AGED
from tests.support.browser import moves, text
from tests.support.many import cameras_of
from tests.support.processes import wait_until
from tests.support.proxies import free_port, haproxy
from tests.support.streams import status

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.support.processes import Services

pytestmark = [pytest.mark.process, pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(120)]

log = logging.getLogger(__name__)

WATCHED: Final = """{
    const seen = window.seen = { painted: 0, gap: 0, states: [] };
    const before = new Map();
    const draw = CanvasRenderingContext2D.prototype.drawImage;
    CanvasRenderingContext2D.prototype.drawImage = function (...all) {
        if (document.contains(this.canvas)) {
            const now = performance.now();
            seen.gap = Math.max(seen.gap, now - (before.get(this.canvas) ?? now));
            before.set(this.canvas, now);
            seen.painted += 1;
        }
        return draw.apply(this, all);
    };
    const changes = new MutationObserver((records) => {
        for (const { target } of records) {
            if (target.dataset.state !== seen.states.at(-1)) seen.states.push(target.dataset.state);
        }
    });
    addEventListener("DOMContentLoaded", () => {
        changes.observe(document.body, { subtree: true, attributeFilter: ["data-state"] });
    });
}"""
"""Notes the longest time between two pictures of a camera, and every state one is said to be in."""

BALANCED: Final = """
global
    hard-stop-after 5s
defaults
    mode tcp
    timeout connect 2s
    timeout client 30s
    timeout server 30s
listen api
    bind 127.0.0.1:{port}
    balance {balance}
    option httpchk GET /readyz
    default-server check inter 100ms fall 1 rise 1
    server one {one}
    server two {two}
"""
"""New connections go to a server that is ready; open ones stay where they are."""


def assert_nothing_was_to_be_seen(page: Page, what: str) -> None:
    """Check that the page was live all the time, and that its pictures did not stop."""
    seen: dict[str, Any] = page.evaluate("seen")
    assert seen["states"][-1:] == ["live"]
    assert set(seen["states"]) <= {"connecting", "live"}, seen["states"]
    log.info("%s: %d pictures, longest gap %.0f ms", what, seen["painted"], seen["gap"])
    assert seen["gap"] < 5000, "what the page itself calls stalled"


@pytest.mark.parametrize("transport", ["stream", "socket"])
def test_page_goes_on_when_its_stream_is_of_age(
    service: Services, page: Page, transport: str
) -> None:
    api = service.both(api__limits__max_stream_age_sec=4)
    page.add_init_script(WATCHED)
    page.goto(f"{api.url}/?transport={transport}", wait_until="domcontentloaded")
    moves(page)
    wait_until(lambda: len(re.findall(f"ended: {AGED}|WebSocket of", api.said())) >= 3, "changes")
    moves(page)
    assert_nothing_was_to_be_seen(page, f"of age, by {transport}")
    named = {"stream": "MJPEG stream", "socket": "WebSocket"}
    assert text(page, "#transport") == named[transport]


@pytest.mark.parametrize("transport", ["stream", "socket"])
def test_page_goes_on_at_another_server_when_its_own_shuts_down(
    service: Services, page: Page, tmp_path: Path, transport: str
) -> None:
    service.video()
    apis = [service.api(api__drain_spread_sec=4).wait_ready() for _ in range(2)]
    one, two = (api.url.removeprefix("http://") for api in apis)
    port = free_port()
    configuration = BALANCED.format(port=port, balance="first", one=one, two=two)
    with haproxy(configuration, port, tmp_path):
        page.add_init_script(WATCHED)
        page.goto(f"http://127.0.0.1:{port}/?transport={transport}", wait_until="domcontentloaded")
        moves(page)
        assert status(apis[0])["clients"] == 1
        apis[0].signal(signal.SIGTERM)
        wait_until(lambda: status(apis[1])["clients"] == 1, "the page to be at the other one")
        assert apis[0].wait() == 0
        moves(page)
        assert_nothing_was_to_be_seen(page, f"at a shutdown, by {transport}")
        page.goto("about:blank")


def test_grid_goes_on_when_the_connection_of_all_its_cameras_is_of_age(
    service: Services, page: Page
) -> None:
    names = [f"camera-{number}" for number in range(1, 9)]
    api = cameras_of(service, names, fps=10, api__limits__max_stream_age_sec=4)
    page.add_init_script(WATCHED)
    page.goto(api.url + "/", wait_until="domcontentloaded")
    for name in names:
        moves(page, f'.grid a[data-camera="{name}"] canvas', 2)
    wait_until(lambda: api.said().count("WebSocket of") >= 2, "changes")
    for name in names:
        moves(page, f'.grid a[data-camera="{name}"] canvas', 2)
    assert_nothing_was_to_be_seen(page, "nine cameras of age")


def test_page_in_an_image_notices_that_its_stream_has_ended(service: Services, page: Page) -> None:
    """Chromium says nothing of it; that the picture stands is noticed after some seconds."""
    api = service.both(api__limits__max_stream_age_sec=8)
    page.goto(f"{api.url}/?transport=image", wait_until="domcontentloaded")
    moves(page, ".stage img")
    wait_until(lambda: status(api)["aged_total"] == 1, "the end")
    wait_until(lambda: status(api)["streams_total"] >= 2, "another stream")
    moves(page, ".stage img")
    wait_until(lambda: text(page, "#state") == "Live", "the page to say live")
