"""What a frame is: sizes and shapes follow from the geometry."""

from __future__ import annotations

import pytest

from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence

BITS_IN_A_NAME = {"BGR24": 3, "RGB24": 3, "GRAY8": 1, "BGRA32": 4, "RGBA32": 4, "JPEG": 0}


def test_every_pixel_format_knows_its_bytes_per_pixel() -> None:
    assert {each.name: each.channels for each in PixelFormat} == BITS_IN_A_NAME


def test_pixel_formats_are_stored_as_their_fourcc() -> None:
    codes = {each.name: each.to_bytes(4, "little") for each in PixelFormat}
    assert codes == {
        "BGR24": b"BGR3",
        "RGB24": b"RGB3",
        "GRAY8": b"GREY",
        "BGRA32": b"BGR4",
        "RGBA32": b"RGB4",
        "JPEG": b"JPEG",
    }


@pytest.mark.parametrize(
    ("pixel_format", "stride", "size_bytes", "shape"),
    [
        (PixelFormat.BGR24, 192, 9216, (48, 64, 3)),
        (PixelFormat.RGBA32, 256, 12288, (48, 64, 4)),
        (PixelFormat.GRAY8, 64, 3072, (48, 64)),
        (PixelFormat.JPEG, 0, 0, (48, 64, 0)),
    ],
)
def test_geometry_gives_stride_size_and_shape(
    pixel_format: PixelFormat, stride: int, size_bytes: int, shape: tuple[int, ...]
) -> None:
    geometry = Geometry(64, 48, pixel_format)

    assert geometry.stride == stride
    assert geometry.size_bytes == size_bytes
    assert geometry.shape == shape


def test_a_frame_that_was_made_from_no_other_is_its_own_origin() -> None:
    at, geometry = MonotonicNs(1), Geometry(4, 2, PixelFormat.JPEG)
    own = FrameInfo(Epoch(3), Sequence(4), at, at, geometry, 9)
    made = FrameInfo(
        Epoch(3),
        Sequence(4),
        at,
        at,
        geometry,
        9,
        origin_epoch=Epoch(1),
        origin_sequence=Sequence(2),
    )

    assert (own.origin_epoch, own.origin_sequence) == (3, 4)
    assert (made.origin_epoch, made.origin_sequence) == (1, 2)
