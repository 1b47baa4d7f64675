"""Writers and readers in real processes: raced, stopped, and killed at every point that matters."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Any, Final

import pytest

from shared.frame import MonotonicNs, Sequence
from shared.naming import SegmentPaths, segment_paths
from shared.ring.attachment import Attachment, Condition
from shared.ring.reader import RingReader
from shared.ring.writer import RingWriter
from tests.shared.conftest import TINY
from tests.shared.ring.actors import Actor, Doom, wait_until
from tests.support.frames import draw_telling, is_telling

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

VGA: Final = (640, 480)
INTERVAL_S: Final = 0.005
SLOTS: Final = 8
RING_TIME_S: Final = (SLOTS - 1) * INTERVAL_S


@pytest.fixture
def crash(directory: Path) -> SegmentPaths:
    """Paths whose files a killed process may leave."""
    return segment_paths("camera", directory)


def write_one(writer: RingWriter) -> int:
    slot = writer.begin(TINY)
    draw_telling(slot.image, slot.sequence)
    return writer.commit(slot, MonotonicNs(1)).sequence


def frame_is_right(reader: RingReader, sequence: int) -> bool:
    with reader.view(Sequence(sequence)) as view:
        return is_telling(view.image, sequence)


def race(paths: SegmentPaths, readers: int, reading: dict[str, Any], **writing: object) -> Any:  # noqa: ANN401
    """Let readers loose on a writer; returns what each saw."""
    with contextlib.ExitStack() as actors:
        writer = actors.enter_context(Actor("writer", paths, **writing))
        assert writer.hear() == "first"
        crowd = [actors.enter_context(Actor("reader", paths, **reading)) for _ in range(readers)]
        for reader in crowd:
            assert reader.hear() == "attached"
        results = [reader.hear() for reader in crowd]
        assert writer.finish()["written"] > 1
    return results


def assert_never_wrong(results: list[dict[str, int]]) -> None:
    for seen in results:
        assert seen["torn"] == 0
        assert seen["backwards"] == 0


@pytest.mark.parametrize(
    "duration_s", [0.2, pytest.param(15.0, marks=[pytest.mark.slow, pytest.mark.timeout(120)])]
)
def test_readers_of_an_unpaced_writer_with_two_slots_see_whole_frames_or_overwritten(
    paths: SegmentPaths, duration_s: float
) -> None:
    results = race(paths, 2, {"duration_s": duration_s}, slots=2, size=VGA, interval_s=0)
    assert_never_wrong(results)
    assert sum(seen["whole"] + seen["overwritten"] for seen in results) > 0


@pytest.mark.parametrize(
    "duration_s", [0.2, pytest.param(15.0, marks=[pytest.mark.slow, pytest.mark.timeout(120)])]
)
def test_a_reader_slower_than_the_ring_is_told_so_every_time(
    paths: SegmentPaths, duration_s: float
) -> None:
    reading = {"duration_s": duration_s, "linger_s": 1.2 * RING_TIME_S + INTERVAL_S}
    [slow] = race(paths, 1, reading, slots=SLOTS, interval_s=INTERVAL_S)
    assert_never_wrong([slow])
    assert slow["overwritten"] > 0


def test_readers_that_keep_pace_lose_nothing_to_each_other(paths: SegmentPaths) -> None:
    results = race(paths, 4, {"duration_s": 0.5}, slots=SLOTS, interval_s=0.02)
    assert_never_wrong(results)
    assert all(seen["whole"] > 0 for seen in results)


def test_without_the_second_look_at_the_stamp_torn_frames_pass(paths: SegmentPaths) -> None:
    """The mutation that proves the tests above able to fail."""
    reading = {"duration_s": 30.0, "until_torn": True, "mutate": True}
    reading["linger_s"] = 1.2 * RING_TIME_S + INTERVAL_S
    [fooled] = race(paths, 1, reading, slots=SLOTS, interval_s=INTERVAL_S)
    assert fooled["torn"] > 0


@pytest.mark.parametrize("point", Doom.IN_FRAME)
def test_after_a_kill_anywhere_in_a_frame_the_last_one_stays_right_and_a_restart_works(
    crash: SegmentPaths, point: str
) -> None:
    attachment = Attachment(crash)
    with Actor("writer", crash, die_at=point, die_in_frame=4, interval_s=0, slots=4) as victim:
        assert victim.hear() == "first"
        wait_until(attachment.refresh)
        victim.let_go()
        assert victim.process.wait(30) == -signal.SIGKILL
    old = attachment.reader
    assert old is not None
    assert old.head == 3
    assert frame_is_right(old, 3)
    if point == "before head":
        assert frame_is_right(old, 4)
    wait_until(lambda: attachment.refresh() is None)
    assert attachment.condition is Condition.GONE
    assert "has died" in attachment.why
    restart_works(crash, attachment)


@pytest.mark.parametrize("point", Doom.IN_CREATE)
def test_after_a_kill_anywhere_in_making_a_larger_segment_a_restart_works(
    crash: SegmentPaths, point: str
) -> None:
    attachment = Attachment(crash)
    with Actor("writer", crash, die_at=point, die_in_frame=4, grow=True, interval_s=0) as victim:
        assert victim.hear() == "first"
        wait_until(attachment.refresh)
        old = attachment.reader
        assert old is not None
        victim.let_go()
        assert victim.process.wait(30) == -signal.SIGKILL
    assert frame_is_right(old, 3)
    wait_until(lambda: attachment.refresh() is None)
    restart_works(crash, attachment)


@pytest.mark.parametrize("point", Doom.IN_CREATE[:-1])
def test_after_a_kill_anywhere_in_making_the_first_segment_a_restart_works(
    crash: SegmentPaths, point: str
) -> None:
    attachment = Attachment(crash)
    with Actor("writer", crash, die_at=point, die_in_frame=1) as victim:
        victim.let_go()
        assert victim.process.wait(30) == -signal.SIGKILL
    assert attachment.refresh() is None
    assert attachment.condition is Condition.GONE
    restart_works(crash, attachment)


def restart_works(paths: SegmentPaths, attachment: Attachment) -> None:
    """Whatever was left behind: a new writer cleans up, and readers find it."""
    with RingWriter(paths, slots=4) as writer:
        assert write_one(writer) == 1
        wait_until(attachment.refresh)
        reader = attachment.reader
        assert reader is not None
        assert attachment.condition is Condition.LIVE
        assert frame_is_right(reader, reader.head)
        left = sorted(path.name for path in paths.directory.iterdir())
        assert left == [paths.lock.name, paths.ring.name]
    attachment.close()
    assert not paths.ring.exists()


def test_a_restart_is_seen_at_once_by_a_reader_that_knew_the_killed_writer(
    crash: SegmentPaths,
) -> None:
    with Actor("writer", crash, interval_s=0.01) as victim:
        assert victim.hear() == "first"
        attachment = Attachment(crash)
        wait_until(attachment.refresh)
        victim.kill()
    with RingWriter(crash) as writer:
        write_one(writer)
        reader = attachment.refresh()  # one look is enough: the old segment is marked
        assert reader is not None
        assert reader.head == 1
        assert attachment.attached == 2
    attachment.close()


def test_a_stopped_writer_is_stalled_and_live_again_when_continued(paths: SegmentPaths) -> None:
    with Actor("writer", paths) as writer:
        assert writer.hear() == "first"
        attachment = Attachment(paths)
        reader = attachment.refresh()
        assert reader is not None
        writer.send(signal.SIGSTOP)
        wait_until(lambda: attachment.refresh() and attachment.condition is Condition.STALLED)
        assert "hangs" in attachment.why
        head = reader.head
        assert frame_is_right(reader, head)
        writer.send(signal.SIGCONT)
        wait_until(lambda: attachment.refresh() and attachment.condition is Condition.LIVE)
        wait_until(lambda: reader.head > head)
        assert attachment.attached == 1
        writer.finish()
    attachment.close()


def test_a_stopped_reader_costs_the_writer_nothing(paths: SegmentPaths) -> None:
    with (
        Actor("writer", paths, interval_s=0.002, slots=2) as writer,
        contextlib.ExitStack() as later,
    ):
        assert writer.hear() == "first"
        stopped = later.enter_context(Actor("reader", paths, duration_s=60.0, linger_s=0.5))
        assert stopped.hear() == "attached"
        reader = RingReader.open(paths)
        stopped.send(signal.SIGSTOP)
        head = reader.head
        wait_until(lambda: reader.head > head + 200)
        assert reader.dropped == 0
        reader.close()
        stopped.send(signal.SIGCONT)
        stopped.kill()
        writer.finish()
