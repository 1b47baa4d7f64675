"""Cameras of a mosaic: real rings, written by the test."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.naming import segment_paths
from shared.ring.writer import RingWriter
from tests.support.pictures import telling_jpeg, telling_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths


class Source:
    """A camera whose frames the test writes.

    Attributes:
        paths: Of its ring.
        writer: Of its ring, open.
    """

    def __init__(self, paths: SegmentPaths) -> None:
        self.paths = paths
        self.writer = RingWriter(paths, slots=2, label="test", hops=("far", "gate-3/cam"))
        self.writer.open()

    def show(
        self,
        image: NDArray[np.uint8],
        pixel_format: PixelFormat = PixelFormat.BGR24,
        *,
        online: bool = True,
        reason: str = "",
    ) -> FrameInfo:
        """Write a raw frame."""
        slot = self.writer.begin(Geometry(image.shape[1], image.shape[0], pixel_format))
        slot.image[:] = image
        now = MonotonicNs(time.monotonic_ns())
        return self.writer.commit(slot, now, online=online, reason=reason)

    def tell(self, number: int, width: int = 320, height: int = 180) -> FrameInfo:
        """Write a picture that a number can be read off."""
        return self.show(telling_picture(number, width, height))

    def tell_jpeg(self, number: int, width: int = 320, height: int = 180) -> FrameInfo:
        """The same as a JPEG."""
        return self.show_jpeg(telling_jpeg(number, width, height), width, height)

    def show_jpeg(self, jpeg: bytes, width: int, height: int) -> FrameInfo:
        """Write bytes as a JPEG of that size."""
        slot = self.writer.begin(Geometry(width, height, PixelFormat.JPEG), len(jpeg))
        slot.payload[: len(jpeg)] = np.frombuffer(jpeg, np.uint8)
        now = MonotonicNs(time.monotonic_ns())
        return self.writer.commit(slot, now, size_bytes=len(jpeg))


@pytest.fixture
def sources(segment_name: str) -> Iterator[list[Source]]:
    """Three cameras, none of which has a frame yet."""
    made = [Source(segment_paths(f"{segment_name}-{name}")) for name in ("a", "b", "c")]
    with contextlib.ExitStack() as stack:
        for source in made:
            stack.callback(source.writer.close)
        yield made


@pytest.fixture
def source(sources: list[Source]) -> Source:
    """One of them."""
    return sources[0]
