"""The two ends of a variant's ring, in one process: the lock tells them apart all the same."""

from __future__ import annotations

import os
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from gevent.event import Event

from services.api.encoded import EncodedFrame, Made, framed
from services.api.variant import Variant
from services.api.variant_ring import VariantReader, VariantWriter, suffix_of, sweep_variants
from shared.errors import FrameDamaged, FrameOverwritten, RingUnavailable, WriterConflict
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from shared.naming import segment_paths, variant_paths
from shared.ring.reader import RingReader
from tests.support.greenlets import turns_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.naming import SegmentPaths
    from tests.conftest import Clock

SECOND = 1_000_000_000


def camera_frame(number: int, second: int | None = None) -> FrameInfo:
    at = MonotonicNs((number if second is None else second) * SECOND)
    geometry = Geometry(64, 48, PixelFormat.BGR24)
    return FrameInfo(Epoch(7), Sequence(number), at, at, geometry, geometry.size_bytes)


def jpeg_of(info: FrameInfo) -> EncodedFrame:
    return framed(info, b"picture %d" % info.sequence, Made(40, (32, 24)), encode_ns=1)


def taken_from(following: VariantReader) -> tuple[FrameInfo, EncodedFrame]:
    """Take the next frame; a ring that was not there yet is looked for every 100 ms."""
    taken: list[tuple[FrameInfo, EncodedFrame]] = []

    def took() -> bool:
        new = following.take()
        taken.extend([new] if new else [])
        return bool(taken)

    turns_until(took, "a frame")
    return taken[0]


@pytest.fixture
def ring(paths: SegmentPaths) -> SegmentPaths:
    return variant_paths(paths, "q40")


@pytest.fixture
def leading(ring: SegmentPaths) -> Iterator[VariantWriter]:
    writer = VariantWriter(ring, 0, "test")
    writer.open()
    yield writer
    writer.close()


@pytest.fixture
def following(ring: SegmentPaths, clock: Clock) -> Iterator[VariantReader]:
    reader = VariantReader(ring, Variant(40), Event(), lambda _: None, clock)
    yield reader
    reader.close()


@pytest.mark.parametrize(
    ("variant", "suffix"),
    [
        (Variant(85), "q85p"),
        (Variant(40, passthrough=False), "q40"),
        (Variant(40, 640, 360, passthrough=False), "q40w640h360"),
        (Variant(85, height=65535), "q85ph65535"),
    ],
)
def test_a_variant_has_a_name(variant: Variant, suffix: str, paths: SegmentPaths) -> None:
    assert suffix_of(variant) == suffix
    assert variant_paths(paths, suffix).name == f"{paths.name}~{suffix}"


def test_what_one_worker_writes_another_takes_as_the_cameras_frame(
    leading: VariantWriter, following: VariantReader
) -> None:
    following.open(camera_frame(1))
    for number in (2, 3):
        leading.write(jpeg_of(camera_frame(number)))
        info, jpeg = taken_from(following)
        assert (*info.origin, info.captured_at) == (7, number, number * SECOND)
        assert (jpeg.epoch, jpeg.sequence) == (7, number)
        assert jpeg.picture == b"picture %d" % number
        assert (jpeg.width, jpeg.height, jpeg.quality, jpeg.encode_ns) == (32, 24, 40, 0)
        assert following.take() is None, "once"


def test_follower_is_woken_and_the_leader_knows_that_it_listens(
    ring: SegmentPaths, leading: VariantWriter
) -> None:
    wake = Event()
    following = VariantReader(ring, Variant(40), wake, lambda _: None)
    following.open(camera_frame(1))
    turns_until(leading.watched, "the subscription")
    leading.write(jpeg_of(camera_frame(2)))
    turns_until(wake.is_set, "the notification")
    following.close()
    turns_until(lambda: not leading.watched(), "its end")


def test_slots_hold_plain_jpeg_that_anybody_can_read(
    leading: VariantWriter, ring: SegmentPaths
) -> None:
    leading.write(jpeg_of(camera_frame(5)))
    reader = RingReader.open(ring)
    with reader.view(reader.head) as view:
        assert view.info.geometry == Geometry(32, 24, PixelFormat.JPEG)
        assert view.copy().tobytes() == b"picture 5"
    reader.close()


def test_there_is_one_leader(leading: VariantWriter, ring: SegmentPaths) -> None:
    other = VariantWriter(ring, 0, "test")
    with pytest.raises(WriterConflict):
        other.open()
    leading.close()
    other.open()
    other.close()
    other.close()


def test_ring_that_owes_a_frame_is_behind_until_it_moves(
    leading: VariantWriter, following: VariantReader, clock: Clock
) -> None:
    following.open(camera_frame(1))
    assert following.behind_s(camera_frame(1)) == 0.0
    clock.advance(0.4)
    assert following.behind_s(camera_frame(2)) == pytest.approx(0.4)
    leading.write(jpeg_of(camera_frame(2)))
    taken_from(following)
    clock.advance(3600.0)
    assert following.behind_s(camera_frame(2)) == 0.0, "it owes nothing"
    assert following.behind_s(camera_frame(3)) == 0.0, "since now"


def test_picture_of_long_ago_is_not_taken_by_who_begins_to_follow(
    leading: VariantWriter, following: VariantReader
) -> None:
    leading.write(jpeg_of(camera_frame(1, second=1)))
    following.open(camera_frame(60, second=2))
    assert following.take() is None
    leading.write(jpeg_of(camera_frame(61, second=2)))
    assert following.take() is not None


def test_directory_that_is_missing_is_told(tmp_path: Path) -> None:
    writer = VariantWriter(segment_paths("camera", tmp_path / "missing"), 0, "test")
    with pytest.raises(RingUnavailable):
        writer.open()
    writer.close()


def test_closing_leaves_no_file(leading: VariantWriter, ring: SegmentPaths) -> None:
    leading.write(jpeg_of(camera_frame(1)))
    leading.close()
    assert list(ring.directory.glob(f"{ring.name}*")) == []


def test_sweeping_takes_what_nobody_owns_and_leaves_what_somebody_leads(
    leading: VariantWriter, ring: SegmentPaths, paths: SegmentPaths
) -> None:
    leading.write(jpeg_of(camera_frame(1)))
    dead = variant_paths(paths, "q10w64")
    for path in (dead.ring, dead.lock, dead.socket, dead.temporary()):
        path.touch()

    sweep_variants(paths)

    left = sorted(path.name for path in ring.directory.glob(f"{paths.name}~*"))
    assert left == [ring.lock.name, ring.ring.name, ring.socket.name]


def test_sweeping_where_there_is_no_directory_is_harmless(tmp_path: Path) -> None:
    sweep_variants(segment_paths("camera", tmp_path / "missing"))
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing was made


def test_damaged_pictures_are_told_of_and_left_out(ring: SegmentPaths, clock: Clock) -> None:
    told: list[FrameOverwritten] = []
    leading = VariantWriter(ring, 0, "test", checksums=True)
    following = VariantReader(ring, Variant(40), Event(), told.append, clock)
    leading.open()
    leading.write(jpeg_of(camera_frame(1)))
    following.open(camera_frame(1))
    jpeg = taken_from(following)[1]
    assert dict(jpeg.headers)["X-CRC32"] == f"{zlib.crc32(b'picture 1'):08x}"
    leading.write(jpeg_of(camera_frame(2)))
    with ring.ring.open("r+b") as file:
        place = file.read().index(b"picture 2")
        file.seek(place)
        file.write(b"P")
    for _ in range(3):
        assert following.take() is None
    assert [type(error) for error in told] == [FrameDamaged]
    leading.write(jpeg_of(camera_frame(3)))
    assert taken_from(following)[1].picture == b"picture 3"
    following.close()
    leading.close()


def test_frame_of_another_node_keeps_its_name_time_and_way(
    leading: VariantWriter, following: VariantReader
) -> None:
    camera = replace(
        camera_frame(2),
        origin_epoch=Epoch(99),
        origin_sequence=Sequence(1000),
        origin_wall_us=1_700_000_000_000_001,
        hops=("gate", "hall"),
    )
    following.open(camera)
    leading.write(jpeg_of(camera))
    info, jpeg = taken_from(following)

    assert (info.origin, info.hops) == ((99, 1000), ("gate", "hall"))
    assert jpeg.headers == jpeg_of(camera).headers
    assert following.behind_s(camera) == 0.0
