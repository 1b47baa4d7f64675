"""Who may do what to a ring: readers never write, strangers are neither let in nor believed."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from shared.errors import RingUnavailable
from shared.frame import MonotonicNs
from shared.naming import segment_paths
from shared.ring.reader import RingReader
from shared.ring.writer import RingWriter
from tests.shared.conftest import TINY
from tests.support.frames import draw_telling, is_telling
from tests.support.processes import wait_until
from tests.support.users import as_user, died_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.naming import SegmentPaths

pytestmark = [pytest.mark.faults, pytest.mark.process]

WRITER: Final = 20001
READER: Final = 20002
STRANGER: Final = 20003
COMMON: Final = 20100

LOOK: Final = """
def look():
    reader = RingReader.open(paths)
    with reader.view(reader.head) as view:
        assert is_telling(view.copy(), view.info.sequence)
    reader.close()
attempt(look)
"""
BREAK_IN: Final = """
attempt(lambda: os.open(paths.ring, os.O_RDWR))
attempt(lambda: os.truncate(paths.ring, 0))
attempt(lambda: os.chmod(paths.ring, 0o666))
attempt(lambda: os.unlink(paths.ring))
attempt(lambda: os.rename(paths.ring, str(paths.ring) + ".gone"))
attempt(lambda: os.unlink(paths.lock))
attempt(lambda: RingWriter(paths).open())
"""
THROUGH_THE_MAPPING: Final = """
reader = RingReader.open(paths)
view = reader.view(reader.head)
for fd in os.listdir("/proc/self/fd"):
    try:
        target = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        continue
    if target == str(paths.ring):
        attempt(lambda: os.ftruncate(int(fd), 0))
        attempt(lambda: os.write(int(fd), b"!"))
        attempt(lambda: os.open(f"/proc/self/fd/{fd}", os.O_RDWR))
libc = ctypes.CDLL(None, use_errno=True)
page = view.payload.ctypes.data & ~4095
def make_writable():
    if libc.mprotect(ctypes.c_void_p(page), 4096, 3):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
attempt(make_writable)
"""
WRITE_ANYWAY: Final = """
reader = RingReader.open(paths)
view = reader.view(reader.head)
ctypes.memset(view.payload.ctypes.data, 0, 1)
print("written")
"""
TAKE_THE_NAME: Final = """
with RingWriter(paths) as writer:
    slot = writer.begin(Geometry(48, 32, PixelFormat.BGR24))
    draw_telling(slot.image, slot.sequence)
    writer.commit(slot, MonotonicNs(1))
    os.chmod(paths.ring, 0o644)
    os.chmod(paths.lock, 0o666)
    print("taken", flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def paths(segment_name: str) -> SegmentPaths:
    return segment_paths(segment_name)


@pytest.fixture
def ring(paths: SegmentPaths) -> Iterator[RingWriter]:
    """A writer whose files belong to WRITER and the group COMMON."""
    with RingWriter(paths, slots=4) as writer:
        slot = writer.begin(TINY)
        draw_telling(slot.image, slot.sequence)
        writer.commit(slot, MonotonicNs(time.monotonic_ns()))
        os.chown(paths.ring, WRITER, COMMON)
        os.chown(paths.lock, WRITER, COMMON)
        yield writer


def test_what_a_reader_is_given_cannot_be_written_to(ring: RingWriter, paths: SegmentPaths) -> None:
    before = paths.ring.read_bytes()
    reader = RingReader.open(paths)
    with reader.view(reader.head) as view:
        for array in (view.image, view.payload, view.image[2:], view.image.reshape(-1)):
            assert not array.flags.writeable
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
            with pytest.raises(ValueError, match="WRITEABLE"):
                array.flags.writeable = True
            with pytest.raises(ValueError, match="WRITEABLE"):
                array.setflags(write=True)
            with pytest.raises(TypeError, match="read-only"):
                array.reshape(-1).data[0] = 0
            with pytest.raises(ValueError, match="read-only"):
                np.add(array, 1, out=array)
            with pytest.raises((TypeError, ValueError, BufferError)):
                np.frombuffer(array.data, np.uint8)[0] = 0
    reader.close()
    assert paths.ring.read_bytes() == before
    assert ring.paths == paths


def test_a_raw_write_ends_the_reader_and_changes_nothing(
    ring: RingWriter, paths: SegmentPaths
) -> None:
    before = paths.ring.read_bytes()
    for user, groups in ((0, (0,)), (READER, (READER, COMMON)), (WRITER, (WRITER,))):
        done = as_user(paths.name, user, groups, WRITE_ANYWAY)
        assert died_of(done) == signal.SIGSEGV, done.stderr
        assert "written" not in done.stdout
    assert paths.ring.read_bytes() == before
    assert ring.paths == paths


def test_a_reader_of_the_group_reads_and_cannot_do_anything_else(
    ring: RingWriter, paths: SegmentPaths
) -> None:
    done = as_user(paths.name, READER, (READER, COMMON), LOOK + BREAK_IN + THROUGH_THE_MAPPING)
    assert died_of(done) == 0, done.stderr
    looked, *attempts = done.stdout.splitlines()
    assert looked == "done"
    assert len(attempts) == 11
    assert [attempt for attempt in attempts if attempt == "done"] == []
    allowed = ("PermissionError", "OSError: [Errno 22]", "OSError: [Errno 9]", "RingUnavailable")
    assert [attempt for attempt in attempts if not attempt.startswith(allowed)] == []
    reader = RingReader.open(paths)
    with reader.view(reader.head) as view:
        assert is_telling(view.copy(), 1)
    reader.close()
    assert ring.paths == paths


def test_a_stranger_cannot_even_read(ring: RingWriter, paths: SegmentPaths) -> None:
    done = as_user(paths.name, STRANGER, (STRANGER,), LOOK + BREAK_IN)
    assert died_of(done) == 0, done.stderr
    looked, *attempts = done.stdout.splitlines()
    assert looked.startswith("RingUnavailable: ")
    assert "Permission denied" in looked
    assert [attempt for attempt in attempts if attempt == "done"] == []
    assert ring.paths == paths


@pytest.fixture
def taken(paths: SegmentPaths) -> Iterator[SegmentPaths]:
    """A stranger was first to take the camera's name in /dev/shm, and was killed."""
    done = as_user(paths.name, STRANGER, (STRANGER,), TAKE_THE_NAME)
    assert (died_of(done), done.stdout) == (signal.SIGKILL, "taken\n"), done.stderr
    assert paths.ring.stat().st_uid == paths.lock.stat().st_uid == STRANGER
    yield paths
    paths.ring.unlink(missing_ok=True)
    paths.lock.unlink(missing_ok=True)


def test_a_strangers_segment_is_not_believed(taken: SegmentPaths) -> None:
    done = as_user(taken.name, READER, (READER, COMMON), LOOK)
    assert died_of(done) == 0, done.stderr
    assert done.stdout.startswith(f"RingUnavailable: {taken.ring}: belongs to user {STRANGER}, ")
    assert f"this user ({READER}), root, and the groups" in done.stdout


@pytest.mark.parametrize(
    ("user", "groups"), [(STRANGER, (STRANGER,)), (READER, (READER, STRANGER)), (0, (0,))]
)
def test_its_own_user_its_group_and_root_believe_it(
    taken: SegmentPaths, user: int, groups: tuple[int, ...]
) -> None:
    done = as_user(taken.name, user, groups, LOOK)
    assert died_of(done) == 0, done.stderr
    assert "has died" in done.stdout, "believed, but nobody writes it any more"


def test_a_strangers_lock_neither_makes_a_writer_nor_keeps_one_out_in_silence(
    taken: SegmentPaths,
) -> None:
    program = """
attempt(lambda: WriterProbe(paths.lock))
attempt(lambda: WriterLock(paths.lock).open())
"""
    done = as_user(taken.name, READER, (READER,), program)
    assert died_of(done) == 0, done.stderr
    probe, lock = done.stdout.splitlines()
    assert probe.startswith(f"RingUnavailable: {taken.lock}: belongs to user {STRANGER}, ")
    assert lock.startswith(f"RingUnavailable: {taken.lock}: ")
    assert f"belongs to user {STRANGER}" in lock


def test_root_takes_the_name_back(taken: SegmentPaths) -> None:
    with RingWriter(taken, slots=4) as writer:
        slot = writer.begin(TINY)
        writer.commit(slot, MonotonicNs(time.monotonic_ns()))
        assert taken.ring.stat().st_uid == 0
        assert RingReader.open(taken).head == 1


def test_a_reader_waits_until_the_right_segment_is_there(taken: SegmentPaths) -> None:
    """A stranger's file is no reason to give up: it may be gone a moment later."""
    program = """
attachment = Attachment(paths)
attachment.refresh()
print(attachment.condition, attachment.why, flush=True)
"""
    done = as_user(taken.name, READER, (READER,), program)
    assert done.stdout.startswith("gone belongs to user")
    taken.ring.unlink()
    taken.lock.unlink()
    wait_until(lambda: not taken.ring.exists(), "the name to be free")
    with pytest.raises(RingUnavailable, match="No such file"):
        RingReader.open(taken)
