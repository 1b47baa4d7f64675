"""The test picture: hills that pass by, a ball that jumps, a panel with number, time and colors.

Painted once, then only copied: a frame costs one copy of the background, shifted, and a few small
drawings on top; of its text only the letters that change are drawn. The background has the fine
detail of a real picture, so that its JPEG has a real picture's size (1080p at quality 85: about
230 kB) and tests of bandwidth mean something.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from services.video.sources.lettering import Lettering, Line

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BAR_COLORS", "Scene", "bar_centers"]

BAR_COLORS: Final = (
    (0, 0, 255),
    (0, 255, 0),
    (255, 0, 0),
    (0, 255, 255),
    (255, 255, 0),
    (255, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
)
"""Red, green, blue, yellow, cyan, magenta, white, black; each as (blue, green, red)."""

_PANEL_TOP: Final = 0.70
_PANEL_BOTTOM: Final = 0.92
_PANEL_LEFT: Final = 0.04
_PANEL_RIGHT: Final = 0.62
_BARS_TOP: Final = 0.87
"""All fractions of the picture's height or width."""

_SCROLL_PER_S: Final = 0.10
"""Widths of the picture that the background moves per second."""

_GROUND: Final = 24
_FRAME: Final = "frame "
_RIDGES: Final = (
    # base, height: fractions of the picture's height; color (blue, green, red); roughness
    (0.42, 0.10, (150, 130, 105), 16.0),
    (0.58, 0.12, (95, 120, 85), 30.0),
    (0.76, 0.10, (50, 95, 70), 40.0),
)


def bar_centers(width: int, height: int) -> list[tuple[int, int]]:
    """Where the colors of ``BAR_COLORS`` are to be found: their middles as (x, y), pixels."""
    left, right = _PANEL_LEFT * width, _PANEL_RIGHT * width
    step = (right - left) / len(BAR_COLORS)
    y = round((_BARS_TOP + _PANEL_BOTTOM) / 2 * height)
    return [(round(left + (index + 0.5) * step), y) for index in range(len(BAR_COLORS))]


class Scene:
    """The picture at any moment; not safe for two threads at once.

    Args:
        width: Pixels per row.
        height: Rows.
        caption: Text in the panel that never changes.
    """

    def __init__(self, width: int, height: int, caption: str) -> None:
        self._width = width
        self._height = height
        self._background = _paint_hills(width, height)
        self._margin = round(0.02 * width)
        self._lettering = Lettering(height / 1080 * 1.5, _GROUND)
        self._panel = self._paint_panel(caption)
        baselines = [round(self._panel.shape[0] * part) for part in (0.47, 0.70)]
        behind = self._margin + self._lettering.width(_FRAME)
        self._number = Line(self._lettering, self._panel, (behind, baselines[0]))
        self._clock = Line(self._lettering, self._panel, (self._margin, baselines[1]))
        self._radius = max(3, height // 14)

    def draw(self, image: NDArray[np.uint8], number: int, wall_ns: int, at_s: float) -> None:
        """Fill ``image``, in place.

        Args:
            image: ``uint8[height, width, 3]``, BGR.
            number: The frame's number, shown in the panel.
            wall_ns: Wall clock, shown in the panel; nanoseconds since 1970.
            at_s: How far everything has moved: steady clock, seconds.
        """
        shift = int(at_s * _SCROLL_PER_S * self._width) % self._width
        top, left = round(_PANEL_TOP * self._height), round(_PANEL_LEFT * self._width)
        bottom, right = top + self._panel.shape[0], left + self._panel.shape[1]
        for rows in (slice(None, top), slice(bottom, None)):
            self._draw_hills(image[rows], rows, 0, shift)
        beside = slice(top, bottom)
        self._draw_hills(image[beside, :left], beside, 0, shift)
        self._draw_hills(image[beside, right:], beside, right, shift)
        self._draw_ball(image, at_s)
        self._number.show(f"{number}")
        self._clock.show(_wall_clock_text(wall_ns))
        image[beside, left:right] = self._panel

    def _draw_hills(self, part: NDArray[np.uint8], rows: slice, left: int, shift: int) -> None:
        """Fill a part of the picture: the hills of those rows, from that column on."""
        first = (left + shift) % self._width
        before_edge = min(part.shape[1], self._width - first)
        part[:, :before_edge] = self._background[rows, first : first + before_edge]
        part[:, before_edge:] = self._background[rows, : part.shape[1] - before_edge]

    def _draw_ball(self, image: NDArray[np.uint8], at_s: float) -> None:
        x = round(self._width * (0.5 + 0.38 * math.sin(at_s * 0.9)))
        y = round(self._height * (0.6 - 0.42 * abs(math.sin(at_s * 2.6))))
        radius = self._radius
        cv2.circle(image, (x, y), radius, (30, 40, 200), -1, cv2.LINE_AA)
        glint = (x - radius // 3, y - radius // 3)
        cv2.circle(image, glint, radius // 4, (200, 205, 245), -1, cv2.LINE_AA)

    def _paint_panel(self, caption: str) -> NDArray[np.uint8]:
        height = round(_PANEL_BOTTOM * self._height) - round(_PANEL_TOP * self._height)
        width = round((_PANEL_RIGHT - _PANEL_LEFT) * self._width)
        panel = np.full((height, width, 3), _GROUND, np.uint8)
        bars_top = round((_BARS_TOP - _PANEL_TOP) / (_PANEL_BOTTOM - _PANEL_TOP) * height)
        edges = [round(i * width / len(BAR_COLORS)) for i in range(len(BAR_COLORS) + 1)]
        for left, right, color in zip(edges, edges[1:], BAR_COLORS, strict=False):
            panel[bars_top:, left:right] = color
        self._lettering.write(panel, caption, (self._margin, round(height * 0.23)))
        self._lettering.write(panel, _FRAME, (self._margin, round(height * 0.47)))
        return panel


def _wall_clock_text(wall_ns: int) -> str:
    seconds, rest_ns = divmod(wall_ns, 1_000_000_000)
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    return f"{moment}.{rest_ns // 1_000_000:03d}"


def _paint_hills(width: int, height: int) -> NDArray[np.uint8]:
    """A landscape whose right edge continues at its left: ``uint8[height, width, 3]``, BGR."""
    rng = np.random.default_rng(20261123)
    x = np.linspace(0.0, 2 * np.pi, width, endpoint=False)
    y = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, np.newaxis, np.newaxis]
    zenith, haze = np.array(((225, 180, 120), (235, 225, 215)), np.float32)
    sky = zenith * (1 - y) + haze * y
    clouds = np.clip(_noise(rng, width, height, 220) + 0.5 * _noise(rng, width, height, 60), 0, 2)
    image = np.broadcast_to(sky, (height, width, 3)) + clouds[:, :, np.newaxis] * 22.0
    image += _noise(rng, width, height, 2)[:, :, np.newaxis] * 2.0
    texture = _noise(rng, width, height, 3) + 0.8 * _noise(rng, width, height, 9)
    rows = np.arange(height)[:, np.newaxis]
    for base, rise, color, roughness in _RIDGES:
        outline = np.zeros(width)
        for waves in (1, 2, 3, 5, 9, 17, 41):
            outline += np.sin(x * waves + rng.uniform(0, 2 * np.pi)) / waves**0.9
        below = rows > (base - rise * outline / 3.0) * height
        shade = texture + _noise(rng, width, height, 40)
        layer = np.array(color, np.float32) + shade[:, :, np.newaxis] * roughness
        np.copyto(image, layer, where=below[:, :, np.newaxis])
    return np.clip(image, 0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator, width: int, height: int, grain_px: int) -> NDArray[np.float32]:
    """Smooth noise, about -1 to 1, that is seamless from right to left; of the 1080p grain."""
    grain = max(1.0, grain_px * height / 1080)
    columns, rows = max(4, round(width / grain)), max(4, round(height / grain))
    grid = rng.normal(0.0, 0.5, (rows, columns)).astype(np.float32)
    wrapped = np.pad(grid, ((0, 0), (2, 2)), mode="wrap")
    margin = math.ceil(width * 2 / columns)
    size = (width + 2 * margin, height)
    large = cv2.resize(wrapped, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(large[:, margin : margin + width], np.float32)
