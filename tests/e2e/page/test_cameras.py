"""The page's list of cameras is alive, and fifty of them cost no more than those in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # has none

from tests.support.browser import moves, text
from tests.support.many import api_of, cameras_of, segment_of
from tests.support.processes import ROOT, wait_until
from tests.support.streams import status

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(180)]


HEARD: Final = """{
    const element = document.getElementById("states");
    window.heard = [];
    const hear = new MutationObserver(() => heard.push(element.textContent));
    hear.observe(element, { childList: true });
}"""
"""Notes what is read out."""


class Listed:
    """What ``/cameras`` lists, of the cameras there really are.

    Attributes:
        names: Them; may be changed.
    """

    def __init__(self, page: Page, names: list[str]) -> None:
        self.names = names
        page.route("**/cameras", self._answer)

    def _answer(self, route: Route) -> None:
        route.fulfill(json={"cameras": [{"name": name, "online": True} for name in self.names]})


@pytest.fixture
def three(service: Services) -> Api:
    """An API with three cameras."""
    service.video()
    for name in ("garage", "yard"):
        segment = segment_of(service, name)
        service.video("pattern://160x120@10", video__shared_memory_name=segment)
    return api_of(service, ["garage", "yard"])


def tile(camera: str) -> str:
    """Selector of a camera's part of the grid."""
    return f'.grid a[data-camera="{camera}"]'


def linked(page: Page) -> list[str]:
    """Cameras that the page links to, in order."""
    found: list[str] = page.eval_on_selector_all(
        "#cameras a[data-camera]", "all => all.map(each => each.dataset.camera)"
    )
    return found


def says(page: Page, shown: str, state: str) -> None:
    """Wait until a camera is said to be in a state."""
    wait_until(lambda: text(page, shown) == state, f"{shown} to be {state}")


def test_cameras_vanish_from_the_grid_and_come_back(three: Api, page: Page) -> None:
    listed = Listed(page, ["video", "garage", "yard"])
    page.goto(three.url + "/", wait_until="domcontentloaded")
    moves(page, f"{tile('garage')} canvas", 2)
    page.focus(tile("garage"))
    listed.names.remove("garage")
    says(page, f"{tile('garage')} [data-show=state]", "Gone")
    assert text(page, "#states").startswith("garage: Gone. The server does not list")
    assert linked(page) == ["video", "yard"]
    wait_until(lambda: status(three, "/stream/garage/status")["clients"] == 0, "no traffic")
    assert Axe().run(page).violations_count == 0
    wait_until(lambda: page.query_selector(tile("garage")) is None, "its tile to go away")
    assert page.evaluate("document.activeElement.dataset.camera") == "yard", "the next in order"
    moves(page, f"{tile('video')} canvas", 2)
    page.evaluate(HEARD)
    listed.names.insert(1, "garage")
    moves(page, f"{tile('garage')} canvas", 2)
    assert page.evaluate("heard") == ["New: garage."]
    assert linked(page) == ["video", "garage", "yard"]
    order = page.eval_on_selector_all(".grid a", "all => all.map(each => each.dataset.camera)")
    assert order == ["video", "garage", "yard"]
    page.click(tile("garage"))
    moves(page)


def test_view_of_one_camera_says_that_it_is_gone_and_goes_on(three: Api, page: Page) -> None:
    listed = Listed(page, ["video", "garage", "yard"])
    page.goto(three.url + "/?camera=garage", wait_until="domcontentloaded")
    moves(page)
    listed.names.remove("garage")
    says(page, "#state", "Gone")
    assert "It goes on if it comes back." in text(page, "#message")
    assert Axe().run(page).violations_count == 0
    listed.names.append("garage")
    says(page, "#state", "Live")
    moves(page)
    assert text(page, "#states") == "garage: Live. "


def test_address_of_a_camera_that_is_not_there_yet_waits_for_it(three: Api, page: Page) -> None:
    page.goto(three.url + "/?camera=<i>attic</i>", wait_until="domcontentloaded")
    says(page, "#state", "Gone")
    assert text(page, "#title") == "<i>attic</i>"
    page.keyboard.press("Escape")
    moves(page, f"{tile('video')} canvas", 2)


def test_recipes_of_the_grid_are_for_all_cameras_in_one_picture(three: Api, page: Page) -> None:
    listed = Listed(page, ["video", "garage", "yard"])
    page.goto(three.url + "/", wait_until="domcontentloaded")
    moves(page, f"{tile('video')} canvas", 2)
    page.keyboard.press("c")
    wait_until(lambda: text(page, "#said") == "Copied: Stream address", "c to copy")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{three.url}/stream/mosaic?cameras=video,garage,yard&cols=2"
    page.click(".elsewhere summary")
    page.get_by_role("button", name="Copy: VLC").click()
    wait_until(lambda: text(page, "#said") == "Copied: VLC", "its word")
    assert page.evaluate("navigator.clipboard.readText()") == f'vlc "{copied}"'
    assert Axe().run(page).violations_count == 0
    listed.names[:] = ["video"]
    wait_until(lambda: not page.is_visible(".elsewhere"), "one camera to be no mosaic")


FIFTY: Final = [f"camera-{number:02d}" for number in range(1, 50)]
"""Beside the default one."""


@pytest.fixture
def fifty(service: Services) -> Api:
    """An API with fifty cameras, whose rings one process writes."""
    return cameras_of(service, FIFTY, fps=5)


def watched(api: Api) -> set[str]:
    """Cameras somebody watches."""
    names = ["video", *FIFTY]
    return {name for name in names if status(api, f"/stream/{name}/status")["clients"]}


def test_of_fifty_cameras_only_those_in_sight_cost_anything(fifty: Api, page: Page) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(fifty.url + "/", wait_until="domcontentloaded")
    moves(page, f"{tile('video')} canvas", 2)
    wait_until(lambda: 6 <= len(watched(fifty)) <= 15, "those in sight to be watched")
    assert "camera-49" not in watched(fifty)
    assert page.locator(".grid li").count() == 50
    says(page, f"{tile('camera-49')} [data-show=state]", "Live")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.camera") in {
        f"camera-{number}" for number in range(47, 50)
    }
    moves(page, f"{tile('camera-49')} canvas", 2)
    wait_until(lambda: "video" not in watched(fifty), "those out of sight to be given back")
    assert len(sockets) == 1
    assert text(page, "#states") == "", "nothing of that is read out"
    target = ROOT / "artifacts" / "screenshots" / "page-fifty.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
    assert Axe().run(page).violations_count == 0


def test_fifty_cameras_fill_a_wall_over_two_connections(fifty: Api, page: Page) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(fifty.url + "/?wall=1", wait_until="domcontentloaded")
    for camera in ("video", "camera-49"):
        moves(page, f"{tile(camera)} canvas", 2)
    wait_until(lambda: len(watched(fifty)) == 50, "all to be watched")
    assert len(sockets) == 2
    target = ROOT / "artifacts" / "screenshots" / "page-fifty-wall.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
    page.goto("about:blank")
    wait_until(lambda: not watched(fifty), "all to be given back")
