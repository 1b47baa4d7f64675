"""Attachment: follows the writer through its lives, with a clock that is moved by hand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from shared.errors import FrameOverwritten, RingUnavailable
from shared.frame import Geometry, MonotonicNs, PixelFormat, Sequence
from shared.ring import writer as writer_module
from shared.ring.attachment import Attachment, Condition
from shared.ring.layout import Word
from shared.ring.writer import RingWriter
from tests.shared.conftest import TINY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.naming import SegmentPaths
    from shared.ring.reader import RingReader
    from tests.conftest import Clock

LARGER = Geometry(200, 100, PixelFormat.BGR24)


def write(writer: RingWriter, geometry: Geometry = TINY) -> None:
    writer.commit(writer.begin(geometry), MonotonicNs(1))


def condition(attachment: Attachment) -> Condition:
    """Asked through a function, or mypy believes that it never changes."""
    return attachment.condition


@pytest.fixture
def attachment(paths: SegmentPaths, clock: Clock) -> Iterator[Attachment]:
    made = Attachment(paths, clock)
    yield made
    made.close()


def test_before_the_first_look_it_is_gone(attachment: Attachment, clock: Clock) -> None:
    assert condition(attachment) is Condition.GONE
    assert attachment.why == "not looked for yet"
    assert attachment.reader is None
    assert attachment.attached == 0
    assert attachment.since_s == clock()


def test_it_attaches_once_there_is_a_segment_and_looks_ten_times_a_second(
    attachment: Attachment, clock: Clock, writer: RingWriter
) -> None:
    assert attachment.refresh() is None
    assert "No such file" in attachment.why
    write(writer)
    assert attachment.refresh() is None
    clock.advance(0.11)
    assert attachment.refresh() is attachment.reader is not None
    assert (attachment.condition, attachment.why) == (Condition.LIVE, "")
    assert attachment.since_s == clock()
    assert attachment.attached == 1


def test_a_heartbeat_keeps_it_live_however_seldom_it_is_looked_at(
    attachment: Attachment, clock: Clock, writer: RingWriter
) -> None:
    write(writer)
    reader = attachment.refresh()
    for _ in range(5):
        clock.advance(60.0)
        writer.heartbeat()
        assert attachment.refresh() is reader
        assert condition(attachment) is Condition.LIVE


def test_without_a_heartbeat_but_with_the_lock_it_is_stalled_after_two_seconds(
    attachment: Attachment, clock: Clock, writer: RingWriter
) -> None:
    write(writer)
    reader = attachment.refresh()
    clock.advance(1.9)
    attachment.refresh()
    assert condition(attachment) is Condition.LIVE
    clock.advance(0.2)
    assert attachment.refresh() is reader
    assert condition(attachment) is Condition.STALLED
    assert "hangs" in attachment.why
    stalled_s = clock()
    clock.advance(5.0)
    attachment.refresh()
    assert attachment.since_s == stalled_s
    writer.heartbeat()
    assert attachment.refresh() is reader
    assert (attachment.condition, attachment.why) == (Condition.LIVE, "")
    assert attachment.attached == 1


def test_a_writer_that_ends_is_gone_at_once_and_found_at_once_when_it_is_back(
    attachment: Attachment, paths: SegmentPaths
) -> None:
    with RingWriter(paths) as writer:
        write(writer)
        attachment.refresh()
    assert attachment.refresh() is None
    assert condition(attachment) is Condition.GONE
    assert attachment.reader is None


def test_a_grown_segment_is_attached_in_the_same_look(
    attachment: Attachment, writer: RingWriter
) -> None:
    write(writer)
    first = attachment.refresh()
    write(writer, LARGER)
    second = attachment.refresh()
    assert second is not None
    assert second is not first
    assert second.head == 2
    assert attachment.attached == 2


def test_a_replaced_reader_with_an_open_view_is_closed_when_the_view_is(
    attachment: Attachment, writer: RingWriter
) -> None:
    write(writer)
    old = attachment.refresh()
    assert old is not None
    view = old.view(Sequence(1))
    write(writer, LARGER)
    attachment.refresh()
    assert view.valid()
    assert old.head == 1
    view.close()
    attachment.refresh()
    with pytest.raises(RingUnavailable, match="is closed"):
        _ = old.head


def test_closing_leaves_a_reader_with_an_open_view_until_the_view_is_closed(
    attachment: Attachment, writer: RingWriter
) -> None:
    write(writer)
    reader = attachment.refresh()
    assert reader is not None
    with reader.view(Sequence(1)):
        attachment.close()
        assert (attachment.condition, attachment.why) == (Condition.GONE, "detached")
        assert reader.head == 1
    attachment.close()
    with pytest.raises(RingUnavailable, match="is closed"):
        _ = reader.head


def test_a_removed_segment_is_left_when_its_writer_does_not_move_either(
    attachment: Attachment, clock: Clock, writer: RingWriter
) -> None:
    write(writer)
    attachment.refresh()
    writer.paths.ring.unlink()
    clock.advance(0.4)
    assert attachment.refresh() is not None
    clock.advance(0.2)
    assert attachment.refresh() is None
    assert condition(attachment) is Condition.GONE


@pytest.mark.parametrize("lock_too", [False, True], ids=["ring", "ring and lock"])
def test_removed_files_are_made_anew_by_the_writer_and_followed_by_readers(
    attachment: Attachment,
    writer: RingWriter,
    monkeypatch: pytest.MonkeyPatch,
    lock_too: bool,  # noqa: FBT001 - a parameter
) -> None:
    monkeypatch.setattr(writer_module, "_NAMES_CHECK_NS", 0)
    write(writer)
    attachment.refresh()
    writer.paths.ring.unlink()
    if lock_too:
        writer.paths.lock.unlink()
    writer.heartbeat()
    reader = attachment.refresh()
    assert reader is not None
    write(writer)
    with reader.view(reader.head) as view:
        assert view.info.sequence == 2
    assert attachment.attached == 2


def test_a_segment_of_another_version_is_incompatible_until_it_is_replaced(
    attachment: Attachment, clock: Clock, paths: SegmentPaths
) -> None:
    paths.ring.write_bytes(b"RINGCAST\x09\x00".ljust(8192, b"\0"))
    paths.ring.chmod(0o640)
    assert attachment.refresh() is None
    assert condition(attachment) is Condition.INCOMPATIBLE
    assert "run the same release" in attachment.why
    with RingWriter(paths) as writer:
        write(writer)
        clock.advance(0.11)
        assert attachment.refresh() is not None
        assert condition(attachment) is Condition.LIVE


def test_closing_again_is_harmless_and_a_new_look_attaches_again(
    attachment: Attachment, clock: Clock, writer: RingWriter
) -> None:
    write(writer)
    attachment.refresh()
    attachment.close()
    attachment.close()
    clock.advance(0.11)
    assert attachment.refresh() is not None


def test_following_a_hundred_lives_leaks_no_descriptor(
    attachment: Attachment, clock: Clock, paths: SegmentPaths
) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counting is all
    for _ in range(100):
        clock.advance(1.0)
        live(attachment, paths)
    attachment.refresh()
    assert attachment.attached == 100
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def live(attachment: Attachment, paths: SegmentPaths) -> None:
    with RingWriter(paths, slots=2) as writer:
        write(writer)
        reader = attachment.refresh()
        assert reader is not None
        view = reader.view(Sequence(1))  # and forget it
        write(writer)
        write(writer)
        with pytest.raises(FrameOverwritten):
            view.check()


def test_a_segment_that_was_cut_is_left_at_once(
    attachment: Attachment, writer: RingWriter, clock: Clock
) -> None:
    write(writer)
    assert attachment.refresh() is not None
    os.truncate(writer.paths.ring, 0)
    assert attachment.refresh() is None
    assert condition(attachment) is Condition.GONE, "it is no matter of versions"
    assert "shorter than its header" in attachment.why
    write(writer)
    clock.advance(0.11)
    assert attachment.refresh() is not None
    assert attachment.attached == 2


def test_a_nonsense_state_is_left_at_once(attachment: Attachment, writer: RingWriter) -> None:
    write(writer)
    assert attachment.refresh() is not None
    with writer.paths.ring.open("r+b") as file:
        file.seek(Word.STATE * 8)
        file.write(b"\xff" * 8)
    assert attachment.refresh() is None
    assert "state 18446744073709551615" in attachment.why


def test_reader_that_is_given_up_can_be_looked_through_for_the_last_time(
    paths: SegmentPaths, clock: Clock, writer: RingWriter
) -> None:
    seen: list[int] = []

    def look(reader: RingReader) -> None:
        with reader.view(reader.head) as view:
            seen.append(view.info.sequence)

    attachment = Attachment(paths, clock, look)
    write(writer)
    attachment.refresh()
    assert seen == []
    writer.close()
    attachment.refresh()
    assert condition(attachment) is Condition.GONE
    attachment.close()
    assert seen == [1]
