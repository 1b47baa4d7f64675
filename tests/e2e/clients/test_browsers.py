"""Pages with our pictures in them, as docs/clients.md has them, in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browser import chromium, moves, pixels
from tests.support.processes import wait_until
from tests.support.recipes import assert_pattern_colors, recipe
from tests.support.streams import status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.support.processes import Api

pytestmark = [pytest.mark.process, pytest.mark.e2e]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that complained of nothing."""
    page = browser.new_page(bypass_csp=True)  # the policy of /healthz lets nothing run
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert complaints == []


def show(page: Page, api: Api, name: str) -> None:
    """Put the recipe, and nothing else, into a page of the API's own host."""
    page.goto(f"{api.url}/healthz")
    page.set_content(recipe(name, api.url), wait_until="domcontentloaded")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["browser-img", "browser-fetch", "browser-websocket"])
def test_the_picture_in_a_page_moves(running: Api, page: Page, name: str) -> None:
    show(page, running, name)
    moves(page, "#camera")
    image = pixels(page, "#camera")
    assert image is not None
    assert_pattern_colors(image)
    page.goto("about:blank")
    wait_until(lambda: status(running)["clients"] == 0, "the page to give its stream back", 5.0)
