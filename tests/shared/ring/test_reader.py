"""RingReader: what it knows of the segment, and for how long."""

from __future__ import annotations

import gc
import os
import threading
from typing import TYPE_CHECKING

import pytest

from shared.errors import FrameOverwritten, RingUnavailable
from shared.frame import Sequence
from shared.ring.reader import RingReader
from tests.shared.ring.conftest import SLOTS, write
from tests.support.frames import is_telling

if TYPE_CHECKING:
    from shared.ring.writer import RingWriter


def test_a_reader_knows_what_the_writer_says(writer: RingWriter, reader: RingReader) -> None:
    assert (reader.slots, reader.label, reader.head, reader.dropped) == (SLOTS, "pattern", 3, 0)
    assert reader.total_bytes == writer.paths.ring.stat().st_size
    assert reader.live
    assert reader.writer_lives()
    assert reader.has_name()


def test_closing_a_reader_with_an_open_view_is_an_error(reader: RingReader) -> None:
    with reader.view(Sequence(3)) as view:
        with pytest.raises(RuntimeError, match=r"1 views of .* are still open"):
            reader.close()
        assert is_telling(view.image, 3)
    reader.close()


def test_a_view_that_was_dropped_does_not_keep_the_reader(reader: RingReader) -> None:
    """Who forgets ``with`` must not pin a segment's memory for ever."""
    assert is_telling(reader.view(Sequence(3)).image, 3)
    gc.collect()
    assert len(reader.views) == 0
    reader.close()


def test_a_closed_reader_lets_the_memory_go_and_says_so(reader: RingReader) -> None:
    def mapped() -> int:
        with open("/proc/self/maps", encoding="utf-8") as maps:  # noqa: PTH123 - not a Path's file
            return sum(str(reader.paths.ring) in line for line in maps)

    before = mapped()
    reader.close()
    gc.collect()
    assert mapped() == before - 1
    with pytest.raises(RingUnavailable, match="this reader is closed"):
        _ = reader.head
    with pytest.raises(RingUnavailable, match="this reader is closed"):
        reader.view(Sequence(1))
    reader.close()


def test_arrays_that_outlive_everything_do_not_crash(
    writer: RingWriter, reader: RingReader
) -> None:
    """An explicit unmap under an array is a segmentation fault (numpy#23305)."""
    with reader.view(Sequence(3)) as view:
        kept = view.image
    reader.close()
    writer.close()
    gc.collect()
    assert is_telling(kept, 3)


def test_a_dead_writers_segment_is_not_shown(writer: RingWriter) -> None:
    write(writer, 1)
    content = writer.paths.ring.read_bytes()
    writer.close()
    writer.paths.ring.write_bytes(content)
    writer.paths.ring.chmod(0o640)
    writer.paths.lock.touch()
    with pytest.raises(RingUnavailable, match="has died"):
        RingReader.open(writer.paths)
    writer.paths.lock.unlink()
    with pytest.raises(RingUnavailable, match="No such file"):
        RingReader.open(writer.paths)
    writer.paths.ring.unlink()


def test_many_threads_may_take_views_of_one_reader(reader: RingReader) -> None:
    wrong: list[int] = []

    def look() -> None:
        for _ in range(300):
            with reader.view(Sequence(3)) as view:
                if not is_telling(view.image, 3):
                    wrong.append(1)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert wrong == []
    assert len(reader.views) == 0


@pytest.mark.parametrize("size_bytes", [0, 4096, 12288, 10**6])
def test_a_file_of_another_size_is_noticed_before_it_is_touched(
    writer: RingWriter, reader: RingReader, size_bytes: int
) -> None:
    view = reader.view(Sequence(3))
    os.truncate(writer.paths.ring, size_bytes)
    assert not reader.whole
    assert (reader.live, reader.state, reader.head, reader.heartbeat) == (False, 0, 0, 0)
    assert reader.dropped == 0
    assert not view.valid()
    with pytest.raises(FrameOverwritten, match="stamp is now 0"):
        view.check()
    view.close()
    for look in (reader.view, reader.info):
        with pytest.raises(RingUnavailable, match="cut or extended"):
            look(Sequence(3))
