"""A camera that needs no hardware: stands in for ``cv2.VideoCapture`` at the narrowest seam."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["FakeCapture"]


class FakeCapture:
    """Behaves like an opened ``cv2.VideoCapture`` with these images; a ``MakeCapture`` too.

    JPEGs come out decoded, or as ``uint8[1, n]`` once that was asked for. Source: OpenCV's
    ``cap_v4l.cpp``, ``v4l2_create_frame`` and ``retrieveFrame``; ``CAP_PROP_FORMAT`` is FFmpeg's.

    Args:
        images: What ``retrieve`` gives, one per grab: pixels, or a JPEG as bytes; None is a picture
            that cannot be decoded.
        opens: Whether it opens at all.
        properties: What ``get`` answers for properties that were not set; ``set`` is obeyed for
            those not in here.
    """

    def __init__(
        self,
        images: Sequence[NDArray[np.uint8] | bytes | None],
        *,
        opens: bool = True,
        properties: dict[int, float] | None = None,
    ) -> None:
        self._images = list(images)
        self._opens = opens
        self._fixed = properties or {}
        self._set: dict[int, float] = {}
        self._current: NDArray[np.uint8] | bytes | None = None
        self.opened_with: tuple[str, int, list[int]] | None = None
        self.released = 0

    def __call__(self, target: str, backend: int, options: Sequence[int]) -> FakeCapture:
        self.opened_with = (target, backend, list(options))
        return self

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self._opens

    def grab(self) -> bool:
        if not self._images:
            return False
        self._current = self._images.pop(0)
        return True

    def retrieve(self, image: Any = None, flag: int = 0) -> tuple[bool, Any]:  # noqa: ANN401 - OpenCV's
        """Fill ``image`` if the picture fits, else give an array of its own: as OpenCV does."""
        del flag
        current = self._current
        if isinstance(current, bytes):
            packet = np.frombuffer(current, np.uint8).reshape(1, -1)
            current = packet if self._undecoded else _decoded(packet)
        if current is None:
            return False, None
        if image is not None and (image.shape, image.dtype) == (current.shape, current.dtype):
            np.copyto(image, current)
            return True, image
        return True, current.copy()

    @property
    def _undecoded(self) -> bool:
        raw = (self._set.get(cv2.CAP_PROP_CONVERT_RGB), self._set.get(cv2.CAP_PROP_FORMAT))
        return raw[0] == 0 or raw[1] == -1

    def get(self, propId: int) -> float:  # noqa: N803 - OpenCV's name
        if propId in self._fixed:
            return self._fixed[propId]
        shape = next((_shape(image) for image in self._images if image is not None), (0, 0))
        size = {cv2.CAP_PROP_FRAME_WIDTH: shape[1], cv2.CAP_PROP_FRAME_HEIGHT: shape[0]}
        return self._set.get(propId, float(size.get(propId, 0.0)))

    def set(self, propId: int, value: float) -> bool:  # noqa: N803 - OpenCV's name
        self._set[propId] = value
        return propId not in self._fixed

    def release(self) -> None:
        self.released += 1


def _decoded(packet: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    image = cv2.imdecode(packet, cv2.IMREAD_COLOR) if packet.size else None
    return None if image is None else np.asarray(image, np.uint8)


def _shape(image: NDArray[np.uint8] | bytes) -> tuple[int, ...]:
    if isinstance(image, bytes):
        decoded = _decoded(np.frombuffer(image, np.uint8))
        return (0, 0) if decoded is None else decoded.shape
    return image.shape
