"""What a client asked for: parsed, checked against the limits, hashable.

Two clients with equal variants are sent the very same bytes, so a variant holds only what changes
the JPEG; the rate and the framing are the client's own affair and lie in ``StreamOptions``.
Parameters nobody knows are ignored: players add cache busters of their own (``?timestamp=…``).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.api.ladder import ladder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.settings_stream import StreamSettings

__all__ = [
    "PARAMETERS",
    "BadParameter",
    "BadParameters",
    "StreamOptions",
    "Variant",
    "parse_options",
]

PARAMETERS: Final = (
    "quality",
    "fps",
    "width",
    "height",
    "advance_headers",
    "extra_headers",
    "dual_final_frames",
    "zero_data",
    "key",
)
"""All that a stream's query may ask for; others mean nothing. The last five are µStreamer's."""

_KEY: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OFF: Final = frozenset({"", "0", "false", "no"})

AUTO: Final = "auto"
"""The quality of a client that takes what it can follow."""


@dataclass(frozen=True, slots=True)
class BadParameter:
    """One query parameter with a value outside its range.

    Attributes:
        name: Of the parameter.
        value: As it was sent.
        allowed: The range, in words: "a whole number from 1 to 100".
    """

    name: str
    value: str
    allowed: str


class BadParameters(ValueError):  # noqa: N818 - it carries the parameters, all of them
    """One or more query parameters are wrong.

    Attributes:
        problems: All of them, in the order of the URL's documentation.
    """

    def __init__(self, problems: list[BadParameter]) -> None:
        super().__init__("; ".join(f"{p.name}={p.value!r} is not {p.allowed}" for p in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Variant:
    """How a frame is to become a JPEG.

    Attributes:
        quality: JPEG quality, 1 to 100.
        width: Pixels the result may be wide at most; None: as wide as the frame.
        height: Pixels the result may be high at most; None: as high as the frame.
        passthrough: The client named no quality: a camera's own JPEG of the right size is sent on
            as it is, never encoded a second time.
    """

    quality: int
    width: int | None = None
    height: int | None = None
    passthrough: bool = True

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Size of the result for a frame of ``width`` x ``height`` pixels.

        Fits inside the box that was asked for, keeps the aspect, never enlarges.
        """
        scale = min(1.0, (self.width or width) / width, (self.height or height) / height)
        if scale == 1.0:
            return width, height
        return max(1, round(width * scale)), max(1, round(height * scale))


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """Everything a client can ask for in the query string.

    Attributes:
        variant: What its pictures look like.
        fps: Most frames per second it wants.
        ladder: Variants to move between, best first, as the client can follow (``quality=auto``);
            empty: the client gets ``variant`` whatever happens.
        advance_headers: Send the header of the next part at once (µStreamer's name): Chromium shows
            a part only when the next one's header has come.
        extra_headers: Have each part say what happened to it on its way, as µStreamer does.
        dual_final_frames: Send a frame that stays the last for a while a second time at once, for
            browsers that show a part when the next one comes.
        zero_data: Send headers only, for measuring.
        key: What the client calls itself, for lists of clients; empty: nothing.
    """

    variant: Variant
    fps: float
    advance_headers: bool = False
    ladder: tuple[Variant, ...] = ()
    extra_headers: bool = False
    dual_final_frames: bool = False
    zero_data: bool = False
    key: str = ""


def parse_options(query: Mapping[str, str], limits: StreamSettings) -> StreamOptions:
    """Read the query string.

    Args:
        query: The parameters, as they were sent.
        limits: ``api.stream.*``: defaults and ranges.

    Raises:
        BadParameters: Naming every wrong value with its allowed range.
    """
    asked = _Query(query)
    quality, rate, size = limits.quality, limits.framerate, limits.resolution
    width = asked.whole("width", 1, size.max_width)
    height = asked.whole("height", 1, size.max_height)
    if width is None and height is None:
        width, height = size.default_width, size.default_height
    auto = query.get("quality") == AUTO
    named = (
        None
        if auto
        else asked.whole(
            "quality", quality.min_jpeg_quality, quality.max_jpeg_quality, f", or {AUTO}"
        )
    )
    variant = Variant(
        quality=named or quality.default_jpeg_quality,
        width=width,
        height=height,
        passthrough=auto or "quality" not in query,
    )
    options = StreamOptions(
        variant,
        fps=asked.number("fps", rate.min_fps, rate.max_fps) or rate.default_fps,
        advance_headers=asked.flag("advance_headers"),
        ladder=ladder(variant, quality.min_jpeg_quality) if auto else (),
        extra_headers=asked.flag("extra_headers"),
        dual_final_frames=asked.flag("dual_final_frames"),
        zero_data=asked.flag("zero_data"),
        key=asked.key("key"),
    )
    if asked.problems:
        raise BadParameters(asked.problems)
    return options


class _Query:
    """Reads values out of the query string; collects what is wrong."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self._query = query
        self.problems: list[BadParameter] = []

    def whole(self, name: str, least: int, most: int, or_else: str = "") -> int | None:
        """A whole number greater than 0; None: not given, or wrong.

        Args:
            name: Of the parameter.
            least: Smallest number allowed.
            most: Largest number allowed.
            or_else: What else is allowed, for the message.
        """
        text = self._query.get(name)
        if text is None:
            return None
        # isdigit alone lets other scripts' digits through, int() signs and underscores
        plain = text.isascii() and text.isdigit() and len(text) < 10  # noqa: PLR2004
        if plain and least <= int(text) <= most:
            return int(text)
        allowed = f"a whole number from {least} to {most}{or_else}"
        self.problems.append(BadParameter(name, text, allowed))
        return None

    def number(self, name: str, least: float, most: float) -> float | None:
        """A number greater than 0; None: not given, or wrong."""
        text = self._query.get(name)
        if text is None:
            return None
        try:
            value = float(text) if text.isascii() and "_" not in text else math.nan
        except ValueError:
            value = math.nan
        if least <= value <= most:
            return value
        self.problems.append(BadParameter(name, text, f"a number from {least:g} to {most:g}"))
        return None

    def flag(self, name: str) -> bool:
        """A switch; off where it is not given."""
        return self._query.get(name, "0") not in _OFF

    def key(self, name: str) -> str:
        """A short name; empty: not given, or wrong."""
        text = self._query.get(name, "")
        if text and _KEY.fullmatch(text) is None:
            allowed = "1 to 64 characters of A-Z a-z 0-9 . _ -"
            self.problems.append(BadParameter(name, text, allowed))
            return ""
        return text
