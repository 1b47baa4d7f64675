"""What a client asked for: parsed, checked against the limits, hashable.

Two clients with equal variants are sent the very same bytes, so a variant holds only what changes
the bytes; the rate and the framing are the client's own affair and lie in ``StreamOptions``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from services.api.encoding import Encoding
from services.api.ladder import ladder
from services.api.query import BadParameter, BadParameters, Query

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
    "parse_raw_options",
    "read_options",
    "read_pixel_format",
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
    "format",
    "pixel_format",
)
"""All that a stream's query may ask for; others mean nothing. Five of them are µStreamer's."""

AUTO: Final = "auto"
"""The quality of a client that takes what it can follow."""

Y4M: Final = "y4m"
"""The format of raw frames that players know."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What a frame is to become.

    Attributes:
        quality: 1 to 100; 100 where the encoding knows none.
        width: Pixels the result may be wide at most; None: as wide as the frame.
        height: Pixels the result may be high at most; None: as high as the frame.
        passthrough: The client named no quality: a camera's own JPEG of the right size is sent on
            as it is, never encoded a second time.
        encoding: The form of the result.
    """

    quality: int
    width: int | None = None
    height: int | None = None
    passthrough: bool = True
    encoding: Encoding = Encoding.JPEG

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Size of the result for a frame of ``width`` x ``height`` pixels.

        Fits inside the box that was asked for, keeps the aspect, never enlarges.
        """
        scale = min(1.0, (self.width or width) / width, (self.height or height) / height)
        if scale < 1.0:
            width, height = max(1, round(width * scale)), max(1, round(height * scale))
        if self.encoding is Encoding.I420:  # a pixel of color for each two by two
            width, height = max(2, width & ~1), max(2, height & ~1)
        return width, height

    def become(self, encoding: Encoding) -> Variant:
        """The same in another form; what that form does not know is the same for everybody."""
        if encoding is Encoding.JPEG:
            return self
        quality = self.quality if encoding.lossy else 100
        return replace(self, quality=quality, passthrough=False, encoding=encoding)


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
    asked = Query(query)
    options = read_options(asked, limits)
    asked.check()
    return options


def parse_raw_options(query: Mapping[str, str], limits: StreamSettings) -> StreamOptions:
    """Read the query string of a stream of uncompressed frames; ``quality`` means nothing there.

    Args:
        query: The parameters, as they were sent.
        limits: ``api.stream.*``: defaults and ranges.

    Raises:
        BadParameters: Naming every wrong value with its allowed range.
    """
    asked = Query(query)
    options = read_options(asked, limits)
    encoding = read_pixel_format(asked)
    if asked.choice("format", ("multipart", Y4M)) == Y4M:
        if "pixel_format" in asked:
            asked.refuse("pixel_format", f"given with format={Y4M}, which is always YUV 4:2:0")
        encoding = Encoding.I420
    asked.check()
    return replace(options, variant=options.variant.become(encoding), ladder=())


def read_pixel_format(asked: Query) -> Encoding:
    """Which order of channels uncompressed frames are wanted in."""
    formats = [form.value for form in (Encoding.BGR24, Encoding.RGB24, Encoding.GRAY8)]
    return Encoding(asked.choice("pixel_format", formats) or Encoding.RAW.value)


def read_options(asked: Query, limits: StreamSettings) -> StreamOptions:
    """Read what all streams and pictures have in common, JPEG being the encoding.

    Args:
        asked: The query; is told what is wrong.
        limits: ``api.stream.*``: defaults and ranges.
    """
    quality, rate, size = limits.quality, limits.framerate, limits.resolution
    width = asked.whole("width", 1, size.max_width)
    height = asked.whole("height", 1, size.max_height)
    if width is None and height is None:
        width, height = size.default_width, size.default_height
    auto = asked.text("quality") == AUTO
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
        passthrough=auto or "quality" not in asked,
    )
    return StreamOptions(
        variant,
        fps=asked.number("fps", rate.min_fps, rate.max_fps) or rate.default_fps,
        advance_headers=asked.flag("advance_headers"),
        ladder=ladder(variant, quality.min_jpeg_quality) if auto else (),
        extra_headers=asked.flag("extra_headers"),
        dual_final_frames=asked.flag("dual_final_frames"),
        zero_data=asked.flag("zero_data"),
        key=asked.key("key"),
    )
