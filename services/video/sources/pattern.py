"""The test pattern: a source that is always there, and whose pictures say which they are."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.video.sources.pacer import Pacer
from services.video.sources.scene import Scene
from services.video.sources.source import Grab, monotonic_ns
from shared.frame import Geometry, PixelFormat
from shared.frame_code import FrameCode, draw_code

if TYPE_CHECKING:
    from services.video.sources.source import Wait
    from shared.ring.writer import Slot

__all__ = ["PatternSource", "PatternSpec", "parse_pattern"]

_SPEC: Final = re.compile(
    r"pattern://(?:(?P<width>\d{1,5})x(?P<height>\d{1,5}))?(?:@(?P<fps>\d{1,3}(?:\.\d{1,3})?))?/?"
)
_MAX_FPS: Final = 240.0
_WIDTHS: Final = range(64, 7681)
_HEIGHTS: Final = range(64, 4321)
_NS_PER_US: Final = 1000


@dataclass(frozen=True, slots=True)
class PatternSpec:
    """What ``pattern://WIDTHxHEIGHT@FPS`` asks for.

    Attributes:
        width: 64 to 7680 pixels.
        height: 64 to 4320 pixels.
        fps: Frames per second, above 0 up to 240.
    """

    width: int = 1920
    height: int = 1080
    fps: float = 30.0

    def __str__(self) -> str:
        """The URL again, complete."""
        return f"pattern://{self.width}x{self.height}@{self.fps:g}"


def parse_pattern(url: str) -> PatternSpec:
    """Read a ``pattern://`` URL; size and rate may each be left out.

    Raises:
        ValueError: It is none, or a number is out of range; the text is a sentence for people.
    """
    match = _SPEC.fullmatch(url)
    if match is None:
        msg = f"{url!r} is not a test pattern; write pattern://WIDTHxHEIGHT@FPS"
        raise ValueError(msg)
    given = {name: value for name, value in match.groupdict().items() if value is not None}
    default = PatternSpec()
    spec = PatternSpec(
        int(given.get("width", default.width)),
        int(given.get("height", default.height)),
        float(given.get("fps", default.fps)),
    )
    if spec.width not in _WIDTHS or spec.height not in _HEIGHTS or not 0 < spec.fps <= _MAX_FPS:
        msg = f"{url!r} is out of range: 64x64 to 7680x4320 pixels, above 0 to 240 fps"
        raise ValueError(msg)
    return spec


class PatternSource:
    """Draws its pictures straight into the slot; see ``source.Source`` for the promises.

    The code at top and bottom of a picture holds the sequence of the slot it is drawn into.

    Args:
        spec: Size and rate.
        wait: Sleeps; comes back early when the service stops.
    """

    def __init__(self, spec: PatternSpec, wait: Wait = time.sleep) -> None:
        self.label = str(spec)
        self._spec = spec
        self._geometry = Geometry(spec.width, spec.height, PixelFormat.BGR24)
        self._pacer = Pacer(wait)
        self._scene: Scene | None = None
        self._number = 0
        self._captured_at = monotonic_ns()
        self._captured_wall_ns = 0

    @property
    def details(self) -> str:
        """Size and rate."""
        return f"{self._spec.width}x{self._spec.height} at {self._spec.fps:g} fps, test pattern"

    @property
    def longest_open_s(self) -> float:
        """Painting takes what it takes."""
        return 0.0

    @property
    def longest_grab_s(self) -> float:
        """The first picture is due a period after the next one would have been."""
        return 2.0 / self._spec.fps

    def open(self) -> None:
        """Paint the background, the first time; begin to count."""
        if self._scene is None:
            self._scene = Scene(self._spec.width, self._spec.height, f"Ringcast {self.label}")
        self._number = 0

    def grab(self) -> Grab:
        """Wait until the next picture is due; pictures we were too late for are left out."""
        period_s = 1.0 / self._spec.fps
        if self._number <= 1:  # the first picture may have had to wait for a segment to be made
            self._pacer.start_at(self._number * period_s, gap_s=period_s)
        late_s = self._pacer.wait_until(self._number * period_s)
        dropped = int(late_s / period_s)
        self._number += 1 + dropped
        self._captured_at = monotonic_ns()
        self._captured_wall_ns = time.time_ns()
        return Grab(self._geometry, self._captured_at, dropped=dropped, period_s=period_s)

    def retrieve(self, slot: Slot) -> Geometry:
        """Draw the picture of the moment of the grab."""
        if self._scene is None:
            msg = "retrieve before open"
            raise RuntimeError(msg)
        self._scene.draw(slot.image, slot.sequence, self._captured_wall_ns, self._captured_at / 1e9)
        code = FrameCode(slot.sequence % 2**32, self._captured_wall_ns // _NS_PER_US)
        draw_code(slot.image, code)
        return self._geometry

    def close(self) -> None:
        """Nothing is held; the painted background stays for the next time."""
