"""What lies under a segment's name may be anything: it is mapped only if it is whole and ours."""

from __future__ import annotations

import errno
import mmap
import os
import struct
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import ProtocolError, RingSpaceError, RingUnavailable, SegmentDamaged
from shared.frame import Epoch, MonotonicNs
from shared.ring.layout import SegmentHeader, State, Word
from shared.ring.reader import RingReader
from shared.ring.segment import boot_id, create_segment, open_segment, unlink_segment
from tests.shared.conftest import TINY
from tests.shared.ring.actors import ROOT, Actor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shared.naming import SegmentPaths
    from shared.ring.writer import RingWriter

CRC_AT = 336
PAGE = os.sysconf("SC_PAGESIZE")


def write_frame(writer: RingWriter) -> None:
    slot = writer.begin(TINY)
    slot.payload[:] = 1
    writer.commit(slot, MonotonicNs(1))


def plan(epoch: int = 1, kernel: bytes | None = None) -> SegmentHeader:
    return SegmentHeader.plan(
        slots=2,
        capacity_bytes=PAGE,
        page_bytes=PAGE,
        epoch=Epoch(epoch),
        boot_id=boot_id() if kernel is None else kernel,
        writer_pid=1,
        label="",
    )


@pytest.fixture
def intact(writer: RingWriter) -> Iterator[bytes]:
    """The bytes of a living camera's segment; what lies there afterwards does not matter."""
    write_frame(writer)
    yield writer.paths.ring.read_bytes()
    remove(writer.paths.ring)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def put(path: Path, content: bytes) -> None:
    """Lay a whole, unsparse file under the name, as another inode."""
    remove(path)
    path.write_bytes(content)
    path.chmod(0o640)


def changed(content: bytes, offset: int, value: bytes) -> bytes:
    """Change header bytes and make the checksum right."""
    head = content[:offset] + value + content[offset + len(value) :]
    crc = struct.pack("<I", zlib.crc32(head[:CRC_AT]))
    return head[:CRC_AT] + crc + head[CRC_AT + 4 :]


def make_sparse(path: Path, content: bytes) -> None:
    remove(path)
    with path.open("wb") as file:
        file.write(content[:PAGE])
        file.truncate(len(content))


def state(value: State) -> Callable[[bytes], bytes]:
    return lambda whole: (
        whole[: Word.STATE * 8] + struct.pack("<Q", value) + whole[Word.STATE * 8 + 8 :]
    )


@pytest.mark.parametrize(
    ("damage", "error", "sentence"),
    [
        pytest.param(lambda _: b"", SegmentDamaged, "shorter than its header", id="empty"),
        pytest.param(lambda w: w[:600], SegmentDamaged, "shorter than its header", id="short head"),
        pytest.param(lambda w: w[:-1], RingUnavailable, "should have", id="short payload"),
        pytest.param(lambda w: w + b"x", RingUnavailable, "should have", id="too long"),
        pytest.param(lambda w: os.urandom(len(w)), SegmentDamaged, "not a Ringcast", id="random"),
        pytest.param(lambda w: b"X" + w[1:], SegmentDamaged, "not a Ringcast", id="magic"),
        pytest.param(lambda w: changed(w, 8, b"\1"), ProtocolError, "version 1.2", id="major"),
        pytest.param(lambda w: changed(w, 76, b"\1\2\3\4"), ProtocolError, "order", id="endian"),
        pytest.param(lambda w: w[:100] + b"X" + w[101:], SegmentDamaged, "CRC", id="crc"),
        pytest.param(
            lambda w: changed(w, 24, b"\xff\xff\xff\xff"), SegmentDamaged, "contradicts", id="slots"
        ),
        pytest.param(
            lambda w: changed(w, 56, b"\0" * 16), RingUnavailable, "before a reboot", id="boot id"
        ),
        pytest.param(state(State.CLOSED), RingUnavailable, "state 3", id="closed"),
        pytest.param(state(State.RETIRED), RingUnavailable, "state 2", id="retired"),
    ],
)
def test_a_file_that_is_not_a_whole_live_segment_is_refused(
    writer: RingWriter,
    intact: bytes,
    damage: Callable[[bytes], bytes],
    error: type[Exception],
    sentence: str,
) -> None:
    put(writer.paths.ring, damage(intact))
    with pytest.raises(error, match=sentence):
        RingReader.open(writer.paths)


def test_an_intact_copy_is_accepted(writer: RingWriter, intact: bytes) -> None:
    """Else the refusals above would prove nothing."""
    put(writer.paths.ring, intact)
    RingReader.open(writer.paths).close()


def test_a_sparse_file_is_refused(writer: RingWriter, intact: bytes) -> None:
    """Reading a hole raises SIGBUS when the tmpfs is full."""
    make_sparse(writer.paths.ring, intact)
    with pytest.raises(RingUnavailable, match="allocated"):
        RingReader.open(writer.paths)


@pytest.mark.parametrize("kind", ["symlink", "fifo", "directory"])
@pytest.mark.usefixtures("intact")
def test_what_is_no_regular_file_is_refused_without_waiting(writer: RingWriter, kind: str) -> None:
    ring = writer.paths.ring
    moved = ring.rename(ring.with_suffix(".moved"))
    if kind == "symlink":
        ring.symlink_to(moved)
    elif kind == "fifo":
        os.mkfifo(ring, 0o640)
    else:
        ring.mkdir()
    with pytest.raises((RingUnavailable, ProtocolError)):
        RingReader.open(writer.paths)
    moved.unlink()


@pytest.mark.usefixtures("intact")
def test_a_segment_that_anybody_can_write_is_refused(writer: RingWriter) -> None:
    writer.paths.ring.chmod(0o666)
    with pytest.raises(ProtocolError, match="only its owner and group can write"):
        RingReader.open(writer.paths)


def test_no_segment_is_unavailable(paths: SegmentPaths) -> None:
    with pytest.raises(RingUnavailable, match="No such file"):
        RingReader.open(paths)


@pytest.mark.process
@pytest.mark.usefixtures("intact")
def test_a_segment_of_another_user_without_permission_is_unavailable(writer: RingWriter) -> None:
    """As nobody, where this test runs as root; else with the permission taken away."""
    program = (
        "import os, sys; from pathlib import Path\n"
        "from shared.errors import RingUnavailable\n"
        "from shared.naming import segment_paths; from shared.ring.reader import RingReader\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: RingReader.open(segment_paths('camera', Path(sys.argv[1])))\n"
        "except RingUnavailable as error: print(error.why)\n"
    )
    directory = writer.paths.directory
    directory.chmod(0o755)
    if os.geteuid() != 0:
        writer.paths.ring.chmod(0)
    ended = subprocess.run(
        [sys.executable, "-c", program, str(directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout == "Permission denied\n", ended.stderr


def test_a_file_that_shrinks_while_it_is_opened_is_unavailable(
    writer: RingWriter,
    intact: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between fstat and mmap: only a stranger could do that, so it is played by shrinking there."""
    put(writer.paths.ring, intact)  # a copy: the writer has the original mapped
    original = mmap.mmap

    def shrunk(fd: int, length: int, **options: Any) -> mmap.mmap:  # noqa: ANN401 - mmap's own
        os.truncate(writer.paths.ring, 0)
        return original(fd, length, **options)

    monkeypatch.setattr(mmap, "mmap", shrunk)
    with pytest.raises(RingUnavailable, match="cannot be mapped"):
        open_segment(writer.paths)


flips = st.lists(
    st.tuples(st.integers(0, 2 * PAGE - 1) | st.integers(0, CRC_AT + 512), st.integers(0, 255)),
    min_size=1,
    max_size=12,
)


@pytest.mark.process
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(flips, st.booleans())
def test_flipped_bytes_never_raise_anything_else_and_never_a_signal(
    flipper: tuple[Actor, bytes],
    changes: list[tuple[int, int]],
    good_crc: bool,  # noqa: FBT001 - drawn
) -> None:
    actor, content = flipper
    if good_crc:
        head = bytearray(content[:CRC_AT])
        for offset, value in changes:
            if offset < CRC_AT:
                head[offset] = value
        crc = struct.pack("<I", zlib.crc32(head))
        changes = [*changes, *((CRC_AT + place, byte) for place, byte in enumerate(crc))]
    actor.say(changes)
    outcomes = (
        "attached",
        "FrameOverwritten",
        "ProtocolError",
        "RingUnavailable",
        "SegmentDamaged",
    )
    assert actor.hear() in outcomes


@pytest.fixture
def flipper(writer: RingWriter) -> Iterator[tuple[Actor, bytes]]:
    for _ in range(3):
        write_frame(writer)
    with Actor("flipper", writer.paths) as actor:
        actor.say([])
        assert actor.hear() == "attached"
        yield actor, writer.paths.ring.read_bytes()
        actor.finish()


def test_a_new_segment_has_its_mode_whatever_the_umask(paths: SegmentPaths) -> None:
    before = os.umask(0o077)
    try:
        create_segment(paths, plan(), reserve_bytes=0, advice="")
    finally:
        os.umask(before)
    assert paths.ring.stat().st_mode & 0o777 == 0o640
    unlink_segment(paths, State.CLOSED)


def test_a_new_segment_is_written_out_in_full(paths: SegmentPaths) -> None:
    mapping = create_segment(paths, plan(), reserve_bytes=0, advice="")
    status = paths.ring.stat()
    assert status.st_blocks * 512 >= status.st_size == mapping.header.total_bytes
    unlink_segment(paths, State.CLOSED)


def test_replacing_marks_the_old_segment_retired_and_leaves_its_memory(
    paths: SegmentPaths,
) -> None:
    old = create_segment(paths, plan(1), reserve_bytes=0, advice="")
    old.payload[-1] = 77
    create_segment(paths, plan(2), reserve_bytes=0, advice="")
    assert old.words[Word.STATE] == State.RETIRED
    assert old.payload[-1] == 77
    assert open_segment(paths).header.epoch == 2
    unlink_segment(paths, State.CLOSED)


def test_a_strangers_file_under_the_name_is_replaced_unread(paths: SegmentPaths) -> None:
    paths.ring.write_bytes(b"hello")
    create_segment(paths, plan(), reserve_bytes=0, advice="")
    assert open_segment(paths).header.epoch == 1
    unlink_segment(paths, State.CLOSED)


def test_a_directory_under_the_name_is_reported_and_nothing_is_left(paths: SegmentPaths) -> None:
    (paths.ring / "full").mkdir(parents=True)
    with pytest.raises(RingUnavailable, match="cannot be made: Is a directory"):
        create_segment(paths, plan(), reserve_bytes=0, advice="")
    assert [path.name for path in paths.directory.iterdir()] == [paths.ring.name]
    unlink_segment(paths, State.CLOSED)
    (paths.ring / "full").rmdir()
    paths.ring.rmdir()


def test_a_missing_directory_is_unavailable(paths: SegmentPaths) -> None:
    paths.directory.rmdir()
    with pytest.raises(RingUnavailable, match="No such file or directory"):
        create_segment(paths, plan(), reserve_bytes=0, advice="")
    paths.directory.mkdir()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.ENOMEM])
def test_room_that_another_takes_after_the_check_is_a_lack_of_room(
    paths: SegmentPaths, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counting is all

    def full(*_args: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RingSpaceError, match="Lower it"):
        create_segment(paths, plan(), reserve_bytes=0, advice="Lower it.")
    assert list(paths.directory.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208


def test_unlinking_what_is_not_there_is_harmless(paths: SegmentPaths) -> None:
    unlink_segment(paths, State.CLOSED)


def test_the_boot_id_is_the_kernels() -> None:
    assert len(boot_id()) == 16
    assert boot_id() == boot_id()
