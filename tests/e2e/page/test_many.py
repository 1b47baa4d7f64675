"""Many cameras at once: more than a browser has connections for, and how it all looks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.browser import moves, text
from tests.support.many import beside_video
from tests.support.nginx import LOCATION, Nginx
from tests.support.processes import ROOT, Services, wait_until
from tests.support.streams import status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.support.processes import Api

pytestmark = [pytest.mark.process, pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(180)]

CAMERAS: Final = {
    "entrance": "pattern://640x360@10",
    "yard": "pattern://640x480@10",
    "stairs": "pattern://360x640@10",
    "workshop-behind-the-house-where-nobody-goes": "pattern://640x360@10",
    "panorama": "pattern://1280x360@10",
    "roof": "",
    "kitchen": "pattern://640x360@10",
}
"""Beside the default one; the roof has no Video Module."""

LIVE: Final = [name for name, source in CAMERAS.items() if source]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API with eight cameras, of which seven live."""
    services = Services(tmp_path_factory.mktemp("many"), f"test-{os.getpid()}")
    segments = {name: f"{services.segment}-{name}" for name in CAMERAS}
    try:
        services.video("pattern://1280x720@15")
        for name in LIVE:
            services.video(CAMERAS[name], video__shared_memory_name=segments[name])
        yield services.api(cameras=beside_video(segments)).wait_ready()
    finally:
        services.stop()
        for path in Path("/dev/shm").glob(f"{services.segment}*"):  # noqa: S108 - the real tmpfs
            path.unlink()


def tile(camera: str) -> str:
    """Selector of a camera's part of the grid."""
    return f'.grid a[data-camera="{camera}"]'


def says(page: Page, camera: str, state: str) -> None:
    """Wait until a camera is said to be in a state."""
    shown = f"{tile(camera)} [data-show=state]"
    wait_until(lambda: text(page, shown) == state, f"{camera} to be {state}")


def test_seven_cameras_move_over_one_connection(many: Api, page: Page) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(many.url + "/", wait_until="domcontentloaded")
    for camera in ["video", *LIVE]:
        moves(page, f"{tile(camera)} canvas", 3)
        says(page, camera, "Live")
    says(page, "roof", "No signal")
    advice = text(page, f"{tile('roof')} [data-show=message]")
    assert "python -m services.video" in advice
    assert len(sockets) == 1
    page.goto("about:blank")
    wait_until(lambda: status(many)["clients"] == 0, "the cameras to be given back", 5.0)


def test_cameras_move_behind_a_proxy_without_websocket(
    many: Api, page: Page, tmp_path: Path
) -> None:
    with Nginx(tmp_path, LOCATION.format(api=many.url)) as nginx:
        page.goto(nginx.url + "/", wait_until="domcontentloaded")
        for camera in ["video", *LIVE]:
            moves(page, f"{tile(camera)} canvas", 3)
        page.goto("about:blank")


def test_from_grid_to_camera_and_back_leaves_nothing_running(many: Api, page: Page) -> None:
    page.goto(many.url + "/", wait_until="domcontentloaded")
    for _ in range(3):
        moves(page, f"{tile('yard')} canvas", 2)
        page.click(tile("yard"))
        moves(page, pictures=2)
        page.keyboard.press("Escape")
    page.click(tile("yard"))
    moves(page, pictures=2)
    other, this = "/stream/entrance/status", "/stream/yard/status"
    wait_until(lambda: status(many, other)["clients"] == 0, "the others to be given back", 5.0)
    wait_until(lambda: status(many, this)["clients"] == 1, "one stream to be left", 5.0)


def test_wall_fills_the_screen_and_nothing_else(many: Api, page: Page) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(many.url + "/?wall=1", wait_until="domcontentloaded")
    says(page, "video", "Live")
    boxes = [each.bounding_box() for each in page.locator(".grid li").all()]
    right = max(box["x"] + box["width"] for box in boxes if box)
    bottom = max(box["y"] + box["height"] for box in boxes if box)
    assert (round(right), round(bottom)) == (1920, 1080)
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080


def settled(page: Page) -> bool:
    """Whether every live camera in sight has its rate and its age."""
    shown = page.eval_on_selector_all(
        ".camera[data-state=live][data-asleep=false]"
        " :is([data-show=fps], [data-show=age], [data-show=clients])",
        "all => all.map(each => each.textContent)",
    )
    return bool(shown) and not {"–", "0"} & set(shown)  # noqa: RUF001 - the page's dash


SHOTS: Final = {
    "page-grid": (1280, 920, "light", ""),
    "page-grid-phone": (360, 740, "dark", ""),
    "page-wall": (2560, 1440, "dark", "?wall=1"),
    "page": (1280, 800, "light", "?camera=video"),
    "page-dark": (1280, 800, "dark", "?camera=video"),
    "page-phone": (360, 740, "light", "?camera=video"),
    "page-no-signal": (1280, 800, "light", "?camera=roof"),
}


@pytest.mark.parametrize("name", SHOTS)
def test_screenshots_are_taken_for_whoever_reviews_a_change(
    many: Api, browser: Browser, name: str
) -> None:
    width, height, scheme, query = SHOTS[name]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]  # one of the two
    )
    page = context.new_page()
    page.goto(f"{many.url}/{query}", wait_until="domcontentloaded")
    if query == "?camera=roof":
        wait_until(lambda: text(page, "#state") == "No signal", "no signal")
    else:
        moves(page, "canvas", 4)
        wait_until(lambda: settled(page), "every camera's numbers")
    target = ROOT / "artifacts" / "screenshots" / f"{name}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
    assert target.stat().st_size > 10_000
    context.close()
