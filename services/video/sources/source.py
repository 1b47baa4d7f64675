"""What every source of pictures is, so that the rest of the Video Module knows only this.

One life of a source::

    open ─► grab ─► retrieve ─► grab ─► retrieve ─► … ─► close ─► open …
            waits   fills a slot

``grab`` waits for the next picture and says how large it is; only then is there a slot to fill, so
``retrieve`` is a step of its own and the picture goes straight into shared memory. A source is used
by one thread at a time: ``grabber.py`` says by which, and when.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.errors import SourceError
from shared.frame import Epoch, MonotonicNs, Sequence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.frame import Geometry
    from shared.ring.writer import Slot

__all__ = [
    "Grab",
    "PictureResized",
    "PictureUnreadable",
    "Relayed",
    "Source",
    "Wait",
    "monotonic_ns",
]

Wait = Callable[[float], object]
"""Sleeps for some seconds, or less when the service stops: ``threading.Event.wait``."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """What another node has said about its frame, and what is known of that node.

    Attributes:
        origin: Epoch and number the frame has at its origin; None: it was captured here.
        wall_us: When it was captured by the origin's wall clock, microseconds since 1970.
        hops: Nodes it came through, origin first, this one last.
        online: False for a blank of the other node.
        reason: Why it is one.
        repeated: It is the one that was given before: a sign of life, and no news.
        clock: Wall clock of the origin less ``CLOCK_MONOTONIC`` here, and what that may be wrong
            by, microseconds; zeros: not known.
        reconnects: How often the other node was connected to again.
    """

    origin: tuple[Epoch, Sequence] | None
    wall_us: int = 0
    hops: tuple[str, ...] = ()
    online: bool = True
    reason: str = ""
    repeated: bool = False
    clock: tuple[int, int] = (0, 0)
    reconnects: int = 0


@dataclass(frozen=True, slots=True)
class Grab:
    """A picture is there; what kind of slot it needs.

    Attributes:
        geometry: Size and pixel format it is expected to have.
        captured_at: When the source handed it over, ``CLOCK_MONOTONIC``.
        size_bytes: Length of the JPEG that ``retrieve`` will write; None for raw pixels.
        dropped: Pictures before this one that existed and were thrown away because we were late.
        period_s: Seconds until the next picture, where the source knows its own rate.
        relayed: What another node says of it; None: it was captured here.
    """

    geometry: Geometry
    captured_at: MonotonicNs
    size_bytes: int | None = None
    dropped: int = 0
    period_s: float | None = None
    relayed: Relayed | None = None


class PictureResized(SourceError):  # noqa: N818 - a change, not a mishap
    """The picture does not fit what ``grab`` promised; the source goes on.

    Attributes:
        geometry: What it really is.
        image: ``uint8[height, width, channels]`` or ``uint8[height, width]``; whoever catches this
            owns it.
    """

    def __init__(self, geometry: Geometry, image: NDArray[np.uint8]) -> None:
        super().__init__(f"the picture is now {geometry.width}x{geometry.height}")
        self.geometry = geometry
        self.image = image


class PictureUnreadable(SourceError):  # noqa: N818 - a state of one picture
    """This one picture is damaged; the source goes on with the next."""


class Source(Protocol):
    """A camera, a file, another server, or the test pattern."""

    @property
    def label(self) -> str:
        """What it is, for people: never a password, at most 256 bytes of UTF-8."""

    @property
    def details(self) -> str:
        """What the opened source turned out to be, for the log: size, rate, format."""

    @property
    def longest_open_s(self) -> float:
        """How long ``open`` may rightly take, seconds: what others are given to answer."""

    @property
    def longest_grab_s(self) -> float:
        """How long the next ``grab`` may rightly take, seconds: timeouts, or a slow pace."""

    def open(self) -> None:
        """Get ready to grab; may take as long as the open timeout.

        Raises:
            SourceUnavailable: It cannot be opened; the sentence says what the operator can do.
        """

    def grab(self) -> Grab:
        """Wait for the next picture, at the source's own pace.

        Raises:
            SourceUnavailable: No picture came; the source must be closed and opened again.
            SourceEnded: A finite source is through.
        """

    def retrieve(self, slot: Slot) -> Geometry:
        """Put the picture that was grabbed last into the slot; call it once per grab.

        Pixels go into ``slot.image``, a JPEG as the source gave it into ``slot.payload``.

        Returns:
            The geometry of the picture in the slot.

        Raises:
            PictureResized: It does not fit the slot; it comes with the exception instead.
            PictureUnreadable: It is damaged; the slot's content is undefined.
        """

    def close(self) -> None:
        """Let everything go; may be called at any time and more than once."""


def monotonic_ns() -> MonotonicNs:
    """Now, ``CLOCK_MONOTONIC``."""
    return MonotonicNs(time.monotonic_ns())
