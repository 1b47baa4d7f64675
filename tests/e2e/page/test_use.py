"""The page as people use it: by mouse, by keyboard, by screen reader, on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # has none

from tests.support.browser import moves, text
from tests.support.many import beside_video
from tests.support.pictures import number_in
from tests.support.processes import wait_until
from tests.support.streams import STREAM, picture

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e, pytest.mark.slow]

YAML_LINE: Final = 'input: "http://'


def query(page: Page) -> dict[str, str]:
    """What the page's address asks for."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


@pytest.fixture
def two(service: Services) -> Api:
    """An API with two cameras."""
    other = f"{service.segment}-two"
    service.video()
    service.video("pattern://160x120@10", video__shared_memory_name=other)
    return service.api(cameras=beside_video({"garage": other})).wait_ready()


def test_controls_write_the_address_and_change_the_stream(running: Api, page: Page) -> None:
    page.goto(running.url + "/", wait_until="domcontentloaded")
    moves(page)
    page.get_by_label("Quality").select_option("30")
    page.get_by_label("Rate").select_option("5")
    assert query(page) == {"camera": "video", "quality": "30", "fps": "5"}
    wait_until(lambda: text(page, "#quality") == "30", "pictures of that quality")
    wait_until(lambda: 3 < float(text(page, "#fps").replace("–", "0")) < 7, "the rate")  # noqa: RUF001 - the page's dash
    page.reload(wait_until="domcontentloaded")
    wait_until(lambda: text(page, "#quality") == "30", "the same after a reload")
    assert page.get_by_label("Quality").input_value() == "30"
    assert page.evaluate("document.querySelector('.recipes code').textContent").endswith(
        "?quality=30&fps=5"
    )


def test_value_that_is_in_no_list_is_kept(running: Api, page: Page) -> None:
    page.goto(running.url + "/?quality=37&width=200", wait_until="domcontentloaded")
    moves(page)
    assert page.get_by_label("Quality").input_value() == "37"
    wait_until(lambda: text(page, "#size") == "200 × 150", "the size")  # noqa: RUF001 - the sign is meant


def test_every_recipe_is_copied_by_its_button(running: Api, page: Page) -> None:
    page.goto(running.url + "/", wait_until="domcontentloaded")
    copied = {}
    for button in page.locator(".recipes button").all():
        label = (button.get_attribute("aria-label") or "").removeprefix("Copy: ")
        button.click()
        wait_until(lambda label=label: text(page, "#said") == f"Copied: {label}", "its word")  # type: ignore[misc]  # bound now
        copied[label] = page.evaluate("navigator.clipboard.readText()")
    stream = f"{running.url}/stream/video"
    assert copied["Stream address"] == stream
    assert copied["Frame address"] == f"{stream}/frame"
    assert copied["ffmpeg, record"] == f'ffmpeg -f mpjpeg -i "{stream}" -c copy video.mkv'
    assert copied["VLC"] == f'vlc "{stream}"'
    assert copied["HTML"] == f'<img src="{stream}" alt="video">'
    assert YAML_LINE in copied["Home Assistant YAML"]
    assert "cv2.VideoCapture" in copied["OpenCV"]
    compile(copied["OpenCV"], "recipe", "exec")
    found: dict[str, object] = {}
    exec(compile(copied["NumPy, one frame"], "recipe", "exec"), found)  # noqa: S102 - our own
    assert found["image"].shape == (240, 320, 3)  # type: ignore[attr-defined]  # the recipe's


def test_copying_works_without_a_secure_context(running: Api, page: Page) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.goto(running.url + "/", wait_until="domcontentloaded")
    page.locator(".recipes button").first.click()
    wait_until(lambda: text(page, "#said") == "Copied: Stream address", "it to be copied")


def test_snapshot_is_downloaded_under_a_telling_name(
    running: Api, page: Page, tmp_path: Path
) -> None:
    page.goto(running.url + "/", wait_until="domcontentloaded")
    moves(page)
    with page.expect_download() as expected:
        page.get_by_role("button", name="Snapshot").click()
    saved = tmp_path / "snapshot.jpg"
    expected.value.save_as(saved)
    number = number_in(picture(saved.read_bytes()))
    name = expected.value.suggested_filename
    assert name.startswith("video_20")
    assert name.endswith(f"_{number}.jpg")


def test_keyboard_walks_through_the_page(two: Api, page: Page) -> None:
    page.goto(two.url + "/", wait_until="domcontentloaded")
    moves(page, "a[data-camera=garage] canvas")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.camera") == "garage"
    page.keyboard.press("Enter")
    wait_until(lambda: query(page) == {"camera": "garage"}, "the camera's address")
    moves(page)
    assert page.title() == "garage – Ringcast"  # noqa: RUF001 - the dash is meant
    page.keyboard.press("ArrowRight")
    wait_until(lambda: query(page) == {"camera": "video"}, "the next camera")
    page.keyboard.press("c")
    wait_until(lambda: text(page, "#said") == "Copied: Stream address", "c to copy")
    with page.expect_download():
        page.keyboard.press("s")
    page.keyboard.press("f")
    wait_until(lambda: page.evaluate("document.fullscreenElement !== null"), "f: full screen")
    page.evaluate("document.exitFullscreen()")
    wait_until(lambda: page.evaluate("document.fullscreenElement === null"), "its end")
    page.keyboard.press("?")
    wait_until(lambda: page.is_visible("#help"), "the list of keys")
    page.keyboard.press("Escape")
    wait_until(lambda: not page.is_visible("#help"), "it to go away")
    assert query(page) == {"camera": "video"}, "that Escape was the dialog's"
    page.keyboard.press("Escape")
    wait_until(lambda: query(page) == {}, "all cameras")
    assert page.evaluate("document.activeElement.dataset.camera") == "video"
    page.keyboard.press("w")
    wait_until(lambda: query(page) == {"wall": "1"}, "the wall")
    page.keyboard.press("Escape")
    wait_until(lambda: query(page) == {}, "its end")


def test_key_right_after_the_list_of_keys_has_closed_is_the_pages(two: Api, page: Page) -> None:
    page.goto(two.url + "/?camera=garage", wait_until="domcontentloaded")
    moves(page)
    page.keyboard.press("?")
    wait_until(lambda: page.is_visible("#help"), "the list of keys")
    page.evaluate(
        """() => {
          const within = document.querySelector("#help button");
          document.getElementById("help").close();
          within.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}));
        }"""
    )
    wait_until(lambda: query(page) == {}, "all cameras")


def test_browsers_back_and_forward_work(two: Api, page: Page) -> None:
    page.goto(two.url + "/", wait_until="domcontentloaded")
    page.click("#cameras a[data-camera=garage]")
    wait_until(lambda: text(page, "#size").startswith("160"), "the other camera's size")
    assert page.get_attribute("#cameras a[data-camera=garage]", "aria-current") == "page"
    moves(page)
    page.go_back()
    moves(page, ".grid a[data-camera=video] canvas")
    page.go_forward()
    moves(page)
    assert query(page) == {"camera": "garage"}


VIEWS: Final = ["", "?camera=garage", "?wall=1"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong(two: Api, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
    for view in VIEWS:
        page.goto(f"{two.url}/{view}", wait_until="domcontentloaded")
        wait_until(lambda: "Live" in text(page, "main"), "a picture")
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
    page.keyboard.press("?")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_without_a_signal(
    service: Services, page: Page, scheme: str
) -> None:
    api = service.api(video__shared_memory_attach_timeout_sec=0)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
    page.goto(api.url + "/", wait_until="domcontentloaded")
    wait_until(lambda: text(page, "#state") == "No signal", "no signal")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("view", VIEWS)
def test_page_fits_a_narrow_phone(two: Api, page: Page, view: str) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{two.url}/{view}", wait_until="domcontentloaded")
    wait_until(lambda: "Live" in text(page, "main"), "a picture")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    small = page.eval_on_selector_all(
        "button, select",
        """all => all.map(each => each.getBoundingClientRect())
            .filter(box => box.width && Math.min(box.width, box.height) < 24).length""",
    )
    assert small == 0, "WCAG 2.2: targets of 24 pixels at least"


def test_frame_s_age_and_number_are_not_read_out(running: Api, page: Page) -> None:
    page.goto(running.url + "/", wait_until="domcontentloaded")
    moves(page)
    assert text(page, "#states") == "", "what is read out are changes of state, not every frame"


def test_links_beside_the_picture_lead_somewhere(running: Api, page: Page) -> None:
    page.goto(running.url + "/", wait_until="domcontentloaded")
    paths = page.eval_on_selector_all(".links a", "links => links.map(link => link.pathname)")
    assert STREAM.removesuffix("/shm") + "/status" in paths
    for path in paths:
        assert running.answers(path) == 200, path
