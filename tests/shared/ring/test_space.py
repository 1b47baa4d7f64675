"""Full file systems: on a small tmpfs of their own, as root or in a user namespace."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import pytest

from shared.consumer import VideoConsumer
from shared.errors import RingSpaceError
from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.naming import SegmentPaths, segment_paths
from shared.ring.attachment import Attachment, Condition
from shared.ring.reader import RingReader
from shared.ring.writer import RingWriter
from tests.shared.ring.actors import Actor, wait_until
from tests.support.frames import draw_telling, is_telling
from tests.support.tmpfs import mounted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.process

SIZE: Final = 4 * 2**20
FITS: Final = Geometry(1024, 512, PixelFormat.GRAY8)  # 4 slots: 2 MiB
FITS_ALONE: Final = Geometry(1024, 896, PixelFormat.GRAY8)  # 4 slots: 3.5 MiB
TOO_LARGE: Final = Geometry(1024, 1024, PixelFormat.GRAY8)  # 4 slots: 4 MiB, and the header


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SegmentPaths]:
    """Paths on a tmpfs of 4 MiB."""
    with mounted(tmp_path / "shm", SIZE) as folder:
        yield segment_paths("camera", folder)


def write(writer: RingWriter, geometry: Geometry) -> None:
    slot = writer.begin(geometry)
    draw_telling(slot.image, slot.sequence)
    writer.commit(slot, MonotonicNs(1))


def newest_is_right(reader: RingReader) -> bool:
    with reader.view(reader.head) as view:
        return is_telling(view.image, reader.head)


def test_a_ring_too_large_at_start_is_refused_with_all_one_needs_and_nothing_made(
    small: SegmentPaths,
) -> None:
    with RingWriter(small, slots=4) as writer:
        with pytest.raises(RingSpaceError) as caught:
            writer.begin(TOO_LARGE)
        assert [path.name for path in small.directory.iterdir()] == [small.lock.name]
    error = caught.value
    assert error.directory == small.directory
    assert error.need_bytes == 4 * 2**20 + 2 * 4096
    assert error.free_bytes <= SIZE
    for word in (str(small.directory), str(error.need_bytes), str(error.free_bytes)):
        assert word in str(error)
    assert "RINGCAST_VIDEO__RING__SLOTS" in str(error)


def test_the_reserve_is_kept_free(small: SegmentPaths) -> None:
    with (
        RingWriter(small, slots=4, reserve_bytes=3 * 2**20) as writer,
        pytest.raises(RingSpaceError, match="RINGCAST_VIDEO__RING__RESERVE_MB"),
    ):
        writer.begin(FITS)


def test_the_wait_for_readers_of_a_killed_writer_has_an_end(small: SegmentPaths) -> None:
    with Actor("writer", small, slots=4, size=(512, 512)) as victim:
        assert victim.hear() == "first"
        reader = RingReader.open(small)
        victim.kill()
    with RingWriter(small, slots=4) as writer:
        with pytest.raises(RingSpaceError):
            writer.begin(FITS)
        reader.close()
        write(writer, FITS)


@pytest.mark.faults
def test_a_ring_that_cannot_grow_stays_live_and_usable(small: SegmentPaths) -> None:
    with RingWriter(small, slots=4) as writer:
        write(writer, FITS)
        attachment = Attachment(small)
        reader = attachment.refresh()
        assert reader is not None
        with pytest.raises(RingSpaceError):
            writer.begin(TOO_LARGE)
        assert attachment.refresh() is reader
        assert attachment.condition is Condition.LIVE
        assert newest_is_right(reader)
        write(writer, FITS)
        assert reader.head == 2
        assert newest_is_right(reader)
        attachment.close()
    assert list(small.directory.iterdir()) == []


@pytest.mark.parametrize("watched", [False, True], ids=["alone", "with a reader"])
def test_a_ring_grows_where_old_and_new_do_not_fit_together(
    small: SegmentPaths,
    watched: bool,  # noqa: FBT001 - a parameter
) -> None:
    attachment = Attachment(small)
    looking = threading.Timer(0.2, attachment.refresh)  # it lets the memory go: RETIRED
    with RingWriter(small, slots=4) as writer:
        write(writer, FITS)
        if watched:
            attachment.refresh()
        looking.start()
        write(writer, FITS_ALONE)
        looking.join()
        wait_until(attachment.refresh)
        reader = attachment.reader
        assert reader is not None
        assert reader.head == 2
        assert newest_is_right(reader)
        attachment.close()
    assert list(small.directory.iterdir()) == []


class Watcher:
    """A vision module in its documented loop: the last frame is still its loop variable."""

    def __init__(self, paths: SegmentPaths) -> None:
        self._paths = paths
        self.seen = threading.Event()
        self.wide = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        with VideoConsumer(self._paths.name, directory=self._paths.directory) as consumer:
            for frame in consumer:
                frame.image.mean()
                self.seen.set()
                if frame.info.geometry == FITS_ALONE:
                    break
        self.wide.set()

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()


def test_a_ring_grows_under_a_consumers_loop_where_only_one_fits(small: SegmentPaths) -> None:
    with RingWriter(small, slots=4) as writer:
        write(writer, FITS)
        watcher = Watcher(small)
        assert watcher.seen.wait(20)
        write(writer, FITS_ALONE)
        assert watcher.wide.wait(20)
        watcher.join()


def test_a_writer_restarts_under_a_consumers_loop_where_only_one_fits(
    small: SegmentPaths,
) -> None:
    with RingWriter(small, slots=4) as first:
        write(first, FITS)
        watcher = Watcher(small)
        assert watcher.seen.wait(20)
    with RingWriter(small, slots=4) as second:
        write(second, FITS_ALONE)
        assert watcher.wide.wait(20)
        watcher.join()


def test_a_reader_that_holds_the_old_ring_is_waited_for_no_longer_than_a_moment(
    small: SegmentPaths,
) -> None:
    with RingWriter(small, slots=4) as writer:
        write(writer, FITS)
        reader = RingReader.open(small)
        with pytest.raises(RingSpaceError):
            writer.begin(FITS_ALONE)
        assert not reader.live
        reader.close()
        write(writer, FITS)
        reader = RingReader.open(small)
        assert newest_is_right(reader)
        reader.close()


@pytest.mark.faults
def test_a_ring_never_notices_that_its_directory_fills_up(small: SegmentPaths) -> None:
    """With a sparse file the first touch of a page would be SIGBUS, for reader and writer."""
    with RingWriter(small, slots=4) as writer:
        writer.begin(FITS)
        with pytest.raises(OSError, match="No space left"):
            (small.directory / "hog").write_bytes(bytes(SIZE))
        write(writer, FITS)
        reader = RingReader.open(small)
        for _ in range(10):
            write(writer, FITS)
            assert newest_is_right(reader)
        reader.close()


@pytest.mark.parametrize("watched", [False, True], ids=["alone", "with a reader"])
def test_a_restart_after_a_kill_works_where_only_one_ring_fits(
    small: SegmentPaths,
    watched: bool,  # noqa: FBT001 - a parameter
) -> None:
    attachment = Attachment(small)
    looking = threading.Timer(0.2, attachment.refresh)  # it lets the memory go: RETIRED
    with Actor("writer", small, slots=4, size=(512, 512)) as victim:  # 3 MiB
        assert victim.hear() == "first"
        if watched:
            wait_until(attachment.refresh)
        victim.kill()
    looking.start()
    with RingWriter(small, slots=4) as writer:
        write(writer, Geometry(512, 512, PixelFormat.BGR24))
        looking.join()
        wait_until(attachment.refresh)
        reader = attachment.reader
        assert reader is not None
        assert newest_is_right(reader)
        attachment.close()


def test_jpeg_gets_less_than_generous_room_rather_than_none(small: SegmentPaths) -> None:
    jpeg = Geometry(64, 48, PixelFormat.JPEG)
    with RingWriter(small, slots=4) as writer:
        first = writer.begin(jpeg, size_bytes=600_000)
        assert first.payload.nbytes < 1_200_000


def test_an_impatient_writer_does_not_wait_for_room(small: SegmentPaths) -> None:
    """A minute's patience would be over only after the test's own."""
    with (
        RingWriter(small, slots=4, patience_s=0.0) as writer,
        pytest.raises(RingSpaceError),
    ):
        writer.begin(TOO_LARGE)
