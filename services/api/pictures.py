"""The pictures a frame gives on its way to its JPEGs: decoded once, made smaller once per size.

Variants of one frame differ in size and quality; what they have in common is made once, by the
first of the encoder's threads that needs it, and the others wait for it. Only pictures of our own
are kept, never a window on the ring, and only of each camera's newest frame, for a quarter of a
second at most: the next variant of the frame comes within milliseconds or not at all.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from gevent import monkey

from services.api import imaging
from shared.errors import EncodeError
from shared.frame import PixelFormat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from services.api.kept import FrameSource
    from shared.frame import FrameInfo

__all__ = ["FramePictures", "Pictures"]

KEPT_S: Final = 0.25
_WANTED_S: Final = 1.0
"""A size nobody asked for in so long does not count when a JPEG is decoded."""

_SIZES: Final = 8
"""Pictures kept of one frame, at most: single pictures may be asked for in any number of sizes."""

_native_lock = monkey.get_original("_thread", "allocate_lock")
"""The encoder's threads wait for each other, not for the hub."""


class FramePictures:
    """The pictures of one frame. Any of the encoder's threads may ask.

    Args:
        needed: The largest width and height wanted of it, as far as known.
    """

    def __init__(self, info: FrameInfo, needed: tuple[int, int]) -> None:
        self.frame = (info.epoch, info.sequence)
        self.needed = needed
        self.used_at = time.monotonic()
        self._decoded = 0
        self._reported = 0
        self._lock = _native_lock()
        self._whole: NDArray[Any] | None = None
        self._by_size: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()

    def image(self, view: FrameSource, size: tuple[int, int]) -> NDArray[Any]:
        """The frame's picture of this size, in the frame's own order of channels.

        Args:
            view: On the frame; open until the picture has been used, for it may lie in the ring.
            size: Width and height, not larger than the frame.

        Returns:
            Read-only ``uint8[height, width, channels]`` (``[height, width]``: GRAY8).

        Raises:
            FrameOverwritten: The writer lapped us.
            FrameDamaged: It is no JPEG because somebody else wrote there.
            EncodeError: The frame gives no picture.
        """
        with self._lock:
            image = self._by_size.get(size)
            if image is None:
                source = self._source(view, size)
                image = imaging.shrink(source, size)
                if image is not source:
                    view.check()  # what others will use is known to be whole
                    self._by_size[size] = image
                    if len(self._by_size) > _SIZES:
                        self._by_size.popitem(last=False)
            return image

    def newly_decoded(self) -> int:
        """How often the JPEG was decoded since this was asked last."""
        fresh = self._decoded - self._reported
        self._reported += fresh
        return fresh

    def _source(self, view: FrameSource, size: tuple[int, int]) -> NDArray[Any]:
        """What to make a picture of this size from: the slot itself, or the JPEG in it, decoded."""
        geometry = view.info.geometry
        if geometry.pixel_format is not PixelFormat.JPEG:
            return view.image
        whole = self._whole
        if whole is None or whole.shape[1] < size[0] or whole.shape[0] < size[1]:
            needed = (max(size[0], self.needed[0]), max(size[1], self.needed[1]))
            factor = imaging.reduction(geometry.width, geometry.height, needed)
            self._decoded += 1
            try:
                whole = imaging.decode(view.payload, (geometry.width, geometry.height), factor)
            except EncodeError:
                view.verify()  # if it was overwritten meanwhile, or damaged, that is why
                raise
            view.check()
            self._whole = whole
        return whole


class Pictures:
    """The pictures in work, by camera. Belongs to the hub; the threads get ``FramePictures``."""

    def __init__(self) -> None:
        self._newest: dict[str, FramePictures] = {}
        self._wanted: dict[str, dict[tuple[int, int], float]] = {}

    def of(self, camera: str, info: FrameInfo, size: tuple[int, int]) -> FramePictures:
        """The pictures of a frame.

        Args:
            camera: Name of its ring.
            info: The frame.
            size: Width and height that are wanted of it now.
        """
        now = time.monotonic()
        wanted = self._wanted.setdefault(camera, {})
        wanted[size] = now
        for other in [other for other, at in wanted.items() if now - at > _WANTED_S]:
            del wanted[other]
        pictures = self._newest.get(camera)
        if pictures is None or pictures.frame != (info.epoch, info.sequence):
            needed = (max(width for width, _ in wanted), max(height for _, height in wanted))
            pictures = self._newest[camera] = FramePictures(info, needed)
        pictures.used_at = now
        return pictures

    def __len__(self) -> int:
        return len(self._newest)

    def forget(self, camera: str) -> None:
        """Let go of a ring's frame and of the sizes that were wanted."""
        self._newest.pop(camera, None)
        self._wanted.pop(camera, None)

    def forget_old(self) -> None:
        """Let go of what was not used for a quarter of a second."""
        horizon = time.monotonic() - KEPT_S
        for camera, pictures in tuple(self._newest.items()):
            if pictures.used_at < horizon:
                del self._newest[camera]
