"""One picture for one client: what it asks for, and what it gets, be that nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.api.variant_ring import suffix_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.encoded import EncodedFrame
    from services.api.freshness import Freshness
    from services.api.variant import Variant
    from shared.frame import FrameInfo

__all__ = ["CameraOffline", "NotModified", "NothingNewer", "Snapshot", "Wish", "tag_of"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for.

    Attributes:
        variant: What is to become of the frame.
        freshness: How new it must be.
        has: Says of a tag whether the client has that picture.
        gone: Says whether the client has left.
    """

    variant: Variant
    freshness: Freshness
    has: Callable[[str], bool] = lambda _: False
    gone: Callable[[], bool] = lambda: False

    def tag(self, frame: FrameInfo | EncodedFrame) -> str:
        """Name of the picture that a frame gives.

        Raises:
            NotModified: The client has it.
        """
        tag = tag_of(frame, self.variant)
        if self.has(tag):
            raise NotModified(tag)
        return tag


class CameraOffline(Exception):  # noqa: N818 - named after the state
    """There is a Video Module, but its camera gives no picture.

    Attributes:
        why: A sentence for operators.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The camera gives no picture ({why or 'it does not say why'}). Ask again later, or "
            "with stale=ok for the last one there was."
        )
        self.why = why


class NothingNewer(Exception):  # noqa: N818 - named after the state
    """No frame came after the one that the client has, in the time that it wanted to wait."""


class NotModified(Exception):  # noqa: N818 - named after the state
    """The client has the picture that it would get.

    Attributes:
        tag: Of the picture.
    """

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One picture, and what is to be said with it.

    Attributes:
        frame: The picture.
        tag: Names it: equal tags mean equal bytes.
        stale: Whether it is only the last there was.
    """

    frame: EncodedFrame
    tag: str
    stale: bool = False


def tag_of(frame: FrameInfo | EncodedFrame, variant: Variant) -> str:
    """What names a picture for ever: the frame, and what was made of it."""
    epoch, sequence = frame.origin
    return f"{epoch}-{sequence}-{suffix_of(variant)}"
