"""Real slots; OpenCV's own calls are counted, not replaced."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from services.api import imaging
from services.api import pictures as module
from services.api.imaging import encode_image
from services.api.pictures import Pictures
from shared.errors import EncodeError, FrameOverwritten
from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.ring.reader import RingReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths
    from shared.ring.writer import RingWriter

WIDTH, HEIGHT = 160, 120
WHOLE = (WIDTH, HEIGHT)


def write_jpeg(writer: RingWriter, data: bytes | None = None) -> FrameInfo:
    if data is None:
        image = np.full((HEIGHT, WIDTH, 3), (0, 0, 255), np.uint8)
        data = encode_image(image, PixelFormat.BGR24, 85).tobytes()
    slot = writer.begin(Geometry(WIDTH, HEIGHT, PixelFormat.JPEG), size_bytes=len(data))
    slot.payload[: len(data)] = np.frombuffer(data, np.uint8)
    return writer.commit(slot, MonotonicNs(time.monotonic_ns()), size_bytes=len(data))


def test_jpeg_is_decoded_once_for_all_sizes(writer: RingWriter, paths: SegmentPaths) -> None:
    info = write_jpeg(writer)
    reader, pictures = RingReader.open(paths), Pictures()
    with reader.view(info.sequence) as view:
        of_frame = pictures.of("a", info, WHOLE)
        for size in (WHOLE, (80, 60), (50, 37), (80, 60)):
            assert pictures.of("a", info, size) is of_frame
            assert of_frame.image(view, size).shape == (size[1], size[0], 3)
    assert of_frame.newly_decoded() == 1
    assert of_frame.newly_decoded() == 0


def test_each_size_is_made_once(writer: RingWriter, paths: SegmentPaths) -> None:
    info = write_jpeg(writer)
    of_frame = Pictures().of("a", info, (80, 60))
    with RingReader.open(paths).view(info.sequence) as view:
        assert of_frame.image(view, (80, 60)) is of_frame.image(view, (80, 60))


def test_threads_that_want_the_same_wait_for_one_of_them(
    writer: RingWriter, paths: SegmentPaths
) -> None:
    info = write_jpeg(writer)
    of_frame = Pictures().of("a", info, WHOLE)
    with RingReader.open(paths).view(info.sequence) as view, ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda _: of_frame.image(view, WHOLE), range(16)))
    assert all(image is images[0] for image in images)
    assert of_frame.newly_decoded() == 1


def test_small_pictures_of_a_jpeg_come_from_a_small_decoding(
    writer: RingWriter, paths: SegmentPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    factors: list[int] = []
    real = imaging.decode

    def counting(payload: NDArray[Any], size: tuple[int, int], factor: int) -> NDArray[Any]:
        factors.append(factor)
        return real(payload, size, factor)

    monkeypatch.setattr(imaging, "decode", counting)
    write_jpeg(writer)
    reader, pictures = RingReader.open(paths), Pictures()
    for sizes in ([(40, 30)], [(40, 30), (80, 60)], [(40, 30), (80, 60)]):
        info = write_jpeg(writer)
        with reader.view(info.sequence) as view:
            for size in sizes:
                pictures.of("a", info, size).image(view, size)
    # the first frame with the larger size was decoded twice; from then on it is known
    assert factors == [4, 4, 2, 2]


def test_slot_itself_is_used_where_it_has_the_size(
    write: Callable[..., FrameInfo], paths: SegmentPaths
) -> None:
    info = write()
    size = (info.geometry.width, info.geometry.height)
    of_frame = Pictures().of("a", info, size)
    with RingReader.open(paths).view(info.sequence) as view:
        assert np.shares_memory(of_frame.image(view, size), view.image)
        small = of_frame.image(view, (32, 24))
        assert not np.shares_memory(small, view.image)
        assert of_frame.image(view, (32, 24)) is small
    assert of_frame.newly_decoded() == 0


def test_picture_of_a_frame_that_was_overwritten_is_never_kept(
    write: Callable[..., FrameInfo], paths: SegmentPaths
) -> None:
    info = write()
    reader = RingReader.open(paths)
    of_frame = Pictures().of("a", info, (32, 24))
    view = reader.view(info.sequence)
    for _ in range(reader.slots):
        write((255, 255, 255))
    for _ in range(2):
        with pytest.raises(FrameOverwritten):
            of_frame.image(view, (32, 24))
    view.close()


def test_broken_jpeg_says_whether_the_camera_or_the_writer_broke_it(
    writer: RingWriter, paths: SegmentPaths
) -> None:
    broken = b"\xff\xd8 this is no picture \xff\xd9"
    info = write_jpeg(writer, broken)
    reader = RingReader.open(paths)
    of_frame = Pictures().of("a", info, WHOLE)
    with reader.view(info.sequence) as view, pytest.raises(EncodeError):
        of_frame.image(view, WHOLE)
    view = reader.view(info.sequence)
    for _ in range(reader.slots):
        write_jpeg(writer, broken)
    with pytest.raises(FrameOverwritten):
        of_frame.image(view, WHOLE)
    view.close()


def test_only_the_newest_frame_of_a_camera_is_kept_and_not_for_long(
    write: Callable[..., FrameInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = Pictures()
    first = pictures.of("a", write(), (32, 24))
    second_info = write()
    second = pictures.of("a", second_info, (32, 24))
    assert second is not first
    assert pictures.of("a", second_info, (32, 24)) is second
    assert pictures.of("b", second_info, (32, 24)) is not second
    pictures.forget_old()
    assert len(pictures) == 2
    assert pictures.of("a", second_info, (32, 24)) is second
    monkeypatch.setattr(module, "KEPT_S", -1.0)
    pictures.forget_old()
    assert not pictures
    assert pictures.of("a", second_info, (32, 24)) is not second
