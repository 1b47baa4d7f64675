"""The last picture of a camera that gives none any more, kept for who takes a stale one.

The ring still holds it for some seconds, so it is copied at that moment, once: while pictures come
nothing is kept, and nothing is copied.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shared.errors import FrameOverwritten, ProtocolError, RingUnavailable
from shared.frame import FrameInfo, PixelFormat, Sequence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.ring.reader import RingReader

__all__ = ["FrameSource", "KeptFrame", "LastFrame", "copy_newest"]

log = logging.getLogger(__name__)


class FrameSource(Protocol):
    """A frame to make pictures of: a view on a slot, or a copy. As ``FrameView`` has it."""

    @property
    def info(self) -> FrameInfo:
        """What is known about it."""
        ...

    @property
    def payload(self) -> NDArray[Any]:
        """Its bytes, ``uint8[size_bytes]``."""
        ...

    @property
    def image(self) -> NDArray[Any]:
        """Its pixels, ``uint8[height, width, channels]`` or ``uint8[height, width]``."""
        ...

    def check(self) -> None:
        """Raise ``FrameOverwritten`` unless what was read belongs to this frame."""
        ...

    def verify(self) -> None:
        """The same, and raise ``FrameDamaged`` unless it is what the writer stored."""
        ...


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A frame of our own, which nobody overwrites.

    Attributes:
        info: What is known about it.
        payload: ``uint8[size_bytes]``: packed rows, or one JPEG.
    """

    info: FrameInfo
    payload: NDArray[Any]

    @property
    def image(self) -> NDArray[Any]:
        """``uint8[height, width, channels]`` (``[height, width]``: GRAY8; JPEG: its bytes)."""
        geometry = self.info.geometry
        if geometry.pixel_format is PixelFormat.JPEG:
            return self.payload
        return self.payload.reshape(geometry.shape)

    def check(self) -> None:
        """Nothing to find: it was whole when it was copied, and stays so."""

    def verify(self) -> None:
        """As ``check``."""


class LastFrame:
    """Keeps the newest picture of a ring when it is told that there will be no further one.

    Attributes:
        kept: The picture; None: there was none, or newer ones come.
    """

    def __init__(self) -> None:
        self.kept: KeptFrame | None = None

    def turn(self, info: FrameInfo, reader: RingReader | None) -> None:
        """The camera gives pictures again, or none any more: the last is then still in the ring.

        Args:
            info: The first of the pictures, or of the blanks.
            reader: Of the ring.
        """
        if info.online:
            self.kept = None
        else:
            self.keep(reader)

    def keep(self, reader: RingReader | None) -> None:
        """Copy the newest picture that is still in the ring; a 1080p one takes about 1 ms.

        Args:
            reader: Of the ring; None: there is none, and what was kept stays.
        """
        self.kept = copy_newest(reader) or self.kept


def copy_newest(reader: RingReader | None) -> KeptFrame | None:
    """A copy of the newest picture that is still in a ring; None: there is none.

    Args:
        reader: Of the ring; None: there is none.
    """
    if reader is None or not reader.whole:
        return None
    newest = reader.head
    for number in range(newest, max(0, newest - reader.slots), -1):
        try:
            with reader.view(Sequence(number)) as view:
                if not view.info.online:
                    continue
                payload = view.payload.copy()
                view.verify()
                return KeptFrame(view.info, payload)
        except (FrameOverwritten, ProtocolError) as error:
            log.debug("%s: frame %d is not kept: %s", reader.paths.name, number, error)
        except RingUnavailable:
            return None
    return None
