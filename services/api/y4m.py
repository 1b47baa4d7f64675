"""YUV4MPEG2, the uncompressed video that ffmpeg, mpv and mjpegtools read from a pipe or a URL.

One line describes all frames, so all have one size; each is the word FRAME and its three planes.
There are no times: who needs them takes the clock (``ffmpeg -use_wallclock_as_timestamps 1``).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from services.api.framing import Unframeable

if TYPE_CHECKING:
    from services.api.client import Client
    from services.api.encoded import EncodedFrame
    from services.api.part import BytesPart, Pieces

__all__ = ["CONTENT_TYPE", "FRAME", "Y4mFraming", "stream_header", "told_rate"]

CONTENT_TYPE: Final = "video/x-yuv4mpeg"
FRAME: Final = b"FRAME\n"
"""What stands before the planes of each frame."""

_MEASURED_SO: Final = 0.03
"""A measured rate this near to a whole number, relatively, is that number."""


def stream_header(width: int, height: int, fps: float) -> bytes:
    """The first line.

    Args:
        width: Of every frame, pixels, even.
        height: Of every frame, pixels, even.
        fps: Frames per second, as far as anybody can know.
    """
    rate = Fraction(fps).limit_denominator(1001)
    size = f"W{width} H{height} F{rate.numerator}:{rate.denominator}"
    # 420jpeg: each pixel of color lies amid its four of brightness; the range is told apart
    return f"YUV4MPEG2 {size} Ip A1:1 C420jpeg XCOLORRANGE=LIMITED\n".encode("ascii")


def told_rate(wanted_fps: float, source_fps: float) -> float:
    """The rate for the first line.

    Args:
        wanted_fps: Most that the client wants.
        source_fps: Measured rate of the source; 0: not known yet.
    """
    whole = round(source_fps)
    if whole and abs(source_fps - whole) <= _MEASURED_SO * whole:
        source_fps = float(whole)
    return min(wanted_fps, source_fps or wanted_fps)


class Y4mFraming:
    """A client's stream as YUV4MPEG2; see ``framing.Framing``.

    Args:
        first: Tells the size of all frames.
        fps: Frames per second for the first line.
    """

    content_type: str = CONTENT_TYPE
    closing: BytesPart | None = None

    def __init__(self, first: EncodedFrame, fps: float) -> None:
        self._size = (first.width, first.height)
        self.lead = stream_header(first.width, first.height, fps)

    def pieces(self, frame: EncodedFrame, client: Client) -> Pieces:
        """The frame's line and planes.

        Raises:
            Unframeable: The camera has another size by now.
        """
        del client
        size = (frame.width, frame.height)
        if size != self._size:
            then, now = ("{}x{}".format(*each) for each in (self._size, size))
            raise Unframeable(f"the camera went from {then} to {now}: Y4M cannot")
        return ((frame.part, *frame.plain),)
