"""Debian's Chromium, and what can be seen in a page of ours that it shows."""

from __future__ import annotations

import base64
import contextlib
import shutil
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from shared.frame_code import FrameCode, read_codes
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from playwright.sync_api import Browser, Page

__all__ = ["chromium", "code_in", "moves", "pixels", "set_hidden", "text"]

_FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_LOOK: Final = """selector => {
    const shown = document.querySelector(selector);
    const width = shown?.naturalWidth ?? shown?.width;
    if (!width) return "";
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = shown.naturalHeight ?? shown.height;
    canvas.getContext("2d").drawImage(shown, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1];
}"""

_SET_HIDDEN: Final = """hidden => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Headless Chromium; a missing one is a failure."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - slow to import

    path = shutil.which("chromium")
    assert path is not None, "chromium is not installed; see tests/apt-packages.txt"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


def pixels(page: Page, selector: str = "#picture") -> NDArray[np.uint8] | None:
    """The picture that a canvas or an <img> shows at this moment, BGR; None: none."""
    png = base64.b64decode(page.evaluate(_LOOK, selector))
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR) if png else None
    return None if image is None else image.astype(np.uint8, copy=False)


def code_in(page: Page, selector: str = "#picture") -> FrameCode | None:
    """Number and time of the frame that is shown, read from its pixels; None: not legible."""
    image = pixels(page, selector)
    if image is None:
        return None
    top, bottom = read_codes(image)
    return top if top is not None and top == bottom else None


def moves(page: Page, selector: str = "#picture", pictures: int = 4) -> None:
    """Wait until that many different frames have been seen in the pixels.

    Raises:
        AssertionError: They did not come.
    """
    seen: set[int] = set()

    def more() -> bool:
        code = code_in(page, selector)
        seen.update({code.sequence} if code is not None else set())
        return len(seen) >= pictures

    wait_until(more, f"{pictures} different pictures in {selector}")


def set_hidden(page: Page, *, hidden: bool) -> None:
    """Have the page believe that its tab is in the background: headless tabs never are."""
    page.evaluate(_SET_HIDDEN, hidden)


def text(page: Page, selector: str) -> str:
    """What an element says; empty where there is none."""
    found: Any = page.evaluate("s => document.querySelector(s)?.textContent ?? ''", selector)
    return str(found)
