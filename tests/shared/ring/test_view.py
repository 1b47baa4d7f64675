"""FrameView: checked before and after, read-only, and not usable for longer."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pytest

from shared.errors import FrameDamaged, FrameOverwritten, ProtocolError
from shared.frame import Sequence
from shared.ring.reader import RingReader
from shared.ring.writer import RingWriter
from tests.shared.conftest import TINY
from tests.shared.ring.conftest import SLOTS, write
from tests.support.frames import is_telling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.naming import SegmentPaths


def test_a_frame_that_is_not_there_yet_is_refused_with_what_was_seen(reader: RingReader) -> None:
    with pytest.raises(FrameOverwritten) as caught:
        reader.view(Sequence(4))
    assert (caught.value.sequence, caught.value.stamp) == (4, 0)


def test_a_frame_that_was_overwritten_is_refused(writer: RingWriter, reader: RingReader) -> None:
    write(writer, 2)
    with pytest.raises(FrameOverwritten) as caught:
        reader.view(Sequence(1))
    assert (caught.value.sequence, caught.value.stamp) == (1, 10)
    with reader.view(Sequence(2)) as view:
        assert is_telling(view.image, 2)


def test_a_frame_that_is_being_written_is_refused(writer: RingWriter, reader: RingReader) -> None:
    writer.begin(TINY)
    with pytest.raises(FrameOverwritten) as caught:
        reader.view(Sequence(4))
    assert caught.value.stamp == 7


def test_a_frame_overwritten_while_its_fields_are_read_is_refused(
    writer: RingWriter, reader: RingReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer comes between the first look at the stamp and the second: at the fence."""
    monkeypatch.setattr("shared.ring.view.fence", lambda: write(writer, 1))
    with pytest.raises(FrameOverwritten):
        reader.view(Sequence(1))


def test_leaving_the_with_block_tells_that_the_frame_was_overwritten(
    writer: RingWriter, reader: RingReader
) -> None:
    def look() -> None:
        with reader.view(Sequence(3)) as view:
            assert view.valid()
            write(writer, SLOTS)
            assert not view.valid()
            with pytest.raises(FrameOverwritten):
                view.copy()

    with pytest.raises(FrameOverwritten) as caught:
        look()
    assert (caught.value.sequence, caught.value.stamp) == (3, 14)


def test_an_error_inside_the_with_block_is_not_covered_by_an_overwritten_frame(
    writer: RingWriter, reader: RingReader
) -> None:
    def fail() -> None:
        with reader.view(Sequence(3)):
            write(writer, SLOTS)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fail()


def test_beginning_to_overwrite_is_enough(writer: RingWriter, reader: RingReader) -> None:
    view = reader.view(Sequence(3))
    write(writer, SLOTS - 1)
    assert view.valid()
    writer.begin(TINY)
    assert not view.valid()
    view.close()


def test_the_image_is_in_place_and_cannot_be_written(reader: RingReader) -> None:
    with reader.view(Sequence(1)) as view:
        for array in (view.image, view.payload):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
            with pytest.raises(ValueError, match="WRITEABLE"):
                array.flags.writeable = True
        assert view.image.flags.c_contiguous


def test_a_copy_is_the_callers_own(writer: RingWriter, reader: RingReader) -> None:
    with reader.view(Sequence(3)) as view:
        image = view.copy()
    write(writer, SLOTS)
    assert is_telling(image, 3)
    image[:] = 0


def test_a_view_cannot_be_used_after_its_block(reader: RingReader) -> None:
    with reader.view(Sequence(3)) as view:
        pass
    assert not view.valid()
    closed = "the view on frame 3 is closed; copy"
    with pytest.raises(RuntimeError, match=closed):
        _ = view.image
    with pytest.raises(RuntimeError, match=closed):
        _ = view.payload
    with pytest.raises(RuntimeError, match=closed):
        view.copy()
    view.close()


def test_a_slot_that_contradicts_its_stamp_is_a_protocol_error(
    writer: RingWriter, reader: RingReader
) -> None:
    """Only a stranger with write permission can do that."""
    page = writer.paths.ring.stat().st_size - SLOTS * 8192
    at = page - 4096 + 3 % SLOTS * 192 + 8
    with writer.paths.ring.open("r+b") as file:
        file.seek(at)
        fields = struct.pack("<Q", 99) + file.read(136)[8:]
        file.seek(at)
        file.write(fields)
        file.flush()
        with pytest.raises(ProtocolError, match="CRC does not match"):
            reader.view(Sequence(3))
        file.write(struct.pack("<I", zlib.crc32(fields)))
    with pytest.raises(ProtocolError, match="stamped for frame 3 says it holds frame 99"):
        reader.view(Sequence(3))


def scribble(paths: SegmentPaths, sequence: int) -> None:
    """Change the first byte of a frame's payload, as the writer's user may."""
    at = paths.ring.stat().st_size - SLOTS * 8192 + sequence % SLOTS * 8192
    with paths.ring.open("r+b") as file:
        file.seek(at)
        value = file.read(1)[0]
        file.seek(at)
        file.write(bytes([value ^ 1]))


@pytest.fixture
def sealed(paths: SegmentPaths) -> Iterator[tuple[RingWriter, RingReader]]:
    """A ring with checksums, three frames in it, and its reader."""
    with RingWriter(paths, slots=SLOTS, checksums=True) as writer:
        write(writer, 3)
        reader = RingReader.open(paths)
        yield writer, reader
        reader.close()


def test_a_frame_is_what_its_writer_stored(sealed: tuple[RingWriter, RingReader]) -> None:
    with sealed[1].view(Sequence(3)) as view:
        view.verify()
        assert view.info.checksum == zlib.crc32(view.copy().data)


def test_a_frame_that_somebody_else_wrote_to_is_damaged(
    sealed: tuple[RingWriter, RingReader],
) -> None:
    writer, reader = sealed
    with reader.view(Sequence(3)) as view:
        scribble(writer.paths, 3)
        assert view.valid(), "the stamp does not tell"
        with pytest.raises(FrameDamaged, match="frame 3 is damaged") as caught:
            view.verify()
        with pytest.raises(FrameDamaged):
            view.copy()
    assert caught.value.expected == view.info.checksum != caught.value.found
    with reader.view(Sequence(2)) as view:
        view.verify()


def test_a_frame_that_was_overwritten_is_not_called_damaged(
    sealed: tuple[RingWriter, RingReader],
) -> None:
    writer, reader = sealed
    view = reader.view(Sequence(3))
    write(writer, SLOTS)
    with pytest.raises(FrameOverwritten) as caught:
        view.verify()
    assert not isinstance(caught.value, FrameDamaged)
    view.close()


def test_without_checksums_there_is_nothing_to_verify_but_the_stamp(
    writer: RingWriter, reader: RingReader
) -> None:
    with reader.view(Sequence(3)) as view:
        scribble(writer.paths, 3)
        view.verify()
    assert view.info.checksum is None
