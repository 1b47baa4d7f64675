"""The writer's lock: one at a time, free when its process ends, visible without taking it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from shared.errors import RingUnavailable, WriterConflict
from shared.ring.lock import WriterLock, WriterProbe
from tests.shared.ring.actors import Actor

if TYPE_CHECKING:
    from pathlib import Path

    from shared.naming import SegmentPaths


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counting is all


def test_a_second_lock_is_refused_with_the_setting_to_change(directory: Path) -> None:
    path = directory / "a.lock"
    first, second = WriterLock(path), WriterLock(path)
    first.open()
    descriptors = open_descriptors()
    with pytest.raises(WriterConflict, match="RINGCAST_VIDEO__SHARED_MEMORY_NAME") as caught:
        second.open()
    assert caught.value.lock_path == path
    assert (first.held, second.held) == (True, False)
    assert open_descriptors() == descriptors
    first.close()
    second.open()
    assert second.held
    second.close()
    second.close()
    assert not path.exists()


def test_a_probe_sees_whether_a_writer_lives_and_takes_nothing(directory: Path) -> None:
    lock = WriterLock(directory / "a.lock")
    lock.open()
    probe = WriterProbe(directory / "a.lock")
    assert probe.writer_lives()
    lock.close()
    assert not probe.writer_lives()
    assert not probe.writer_lives()
    probe.close()
    probe.close()


def test_a_probe_that_closes_does_not_free_the_lock(directory: Path) -> None:
    """Classic locks do: closing any descriptor of the file frees them."""
    lock = WriterLock(directory / "a.lock")
    lock.open()
    WriterProbe(directory / "a.lock").close()
    probe = WriterProbe(directory / "a.lock")
    assert probe.writer_lives()
    probe.close()
    lock.close()


@pytest.mark.process
def test_the_lock_of_a_killed_process_is_free(paths: SegmentPaths) -> None:
    with Actor("writer", paths) as victim:
        assert victim.hear() == "first"
        probe = WriterProbe(paths.lock)
        assert probe.writer_lives()
        victim.kill()
        assert not probe.writer_lives()
        probe.close()
    paths.ring.unlink()
    paths.lock.unlink()


def test_the_lock_is_not_inherited_by_programs_that_are_started(directory: Path) -> None:
    lock = WriterLock(directory / "a.lock")
    lock.open()
    [descriptor] = [
        int(name)
        for name in os.listdir("/proc/self/fd")  # noqa: PTH208
        if os.path.realpath(f"/proc/self/fd/{name}") == str(directory / "a.lock")
    ]
    assert not os.get_inheritable(descriptor)
    lock.close()


def test_readers_of_the_group_may_ask_whatever_the_umask(directory: Path) -> None:
    before = os.umask(0o077)
    lock = WriterLock(directory / "a.lock")
    try:
        lock.open()
    finally:
        os.umask(before)
    assert (directory / "a.lock").stat().st_mode & 0o777 == 0o640
    lock.close()


def test_a_lock_in_a_missing_directory_names_the_setting(directory: Path) -> None:
    lock = WriterLock(directory / "nowhere" / "a.lock")
    with pytest.raises(RingUnavailable, match="RINGCAST_VIDEO__SHARED_MEMORY_DIRECTORY"):
        lock.open()


def test_a_symlink_is_not_followed(directory: Path) -> None:
    (directory / "elsewhere").touch()
    (directory / "a.lock").symlink_to(directory / "elsewhere")
    with pytest.raises(RingUnavailable):
        WriterLock(directory / "a.lock").open()
    with pytest.raises(RingUnavailable):
        WriterProbe(directory / "a.lock")


def test_a_probe_without_a_lock_file_is_refused(directory: Path) -> None:
    with pytest.raises(RingUnavailable, match="No such file"):
        WriterProbe(directory / "a.lock")


def test_a_file_system_without_locks_is_named(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing at hand refuses locks for real, so the system call is made to."""

    def refuse(*_args: object) -> bytes:
        raise OSError(95, "Operation not supported")

    lock = WriterLock(directory / "a.lock")
    descriptors = open_descriptors()
    monkeypatch.setattr(fcntl, "fcntl", refuse)
    with pytest.raises(RingUnavailable, match="cannot be locked: Operation not supported"):
        lock.open()
    monkeypatch.undo()
    assert open_descriptors() == descriptors


def test_keeping_a_lock_whose_file_is_there_does_nothing(directory: Path) -> None:
    lock = WriterLock(directory / "a.lock")
    lock.open()
    descriptors = open_descriptors()
    lock.keep()
    assert open_descriptors() == descriptors
    lock.close()


def test_a_removed_lock_file_is_made_and_locked_anew_for_old_and_new_readers(
    directory: Path,
) -> None:
    path = directory / "a.lock"
    lock = WriterLock(path)
    lock.open()
    old = WriterProbe(path)
    path.unlink()
    lock.keep()
    new = WriterProbe(path)
    assert (old.writer_lives(), new.writer_lives()) == (True, True)
    lock.close()
    assert (old.writer_lives(), new.writer_lives()) == (False, False)
    old.close()
    new.close()


def test_a_removed_lock_file_that_another_writer_took_is_a_conflict(directory: Path) -> None:
    path = directory / "a.lock"
    first, second = WriterLock(path), WriterLock(path)
    first.open()
    path.unlink()
    second.open()
    with pytest.raises(WriterConflict):
        first.keep()
    first.close()
    second.close()


def test_a_lock_file_removed_between_open_and_lock_is_not_taken_for_ours(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last owner ends in that moment: its file has no name any more, and locks nobody out."""
    path = directory / "a.lock"
    leaving, coming = WriterLock(path), WriterLock(path)
    leaving.open()
    real_open = os.open

    def open_then_lose_the_name(file: Path, flags: int, mode: int = 0o777) -> int:
        fd = real_open(file, flags, mode)
        leaving.close()
        return fd

    monkeypatch.setattr(os, "open", open_then_lose_the_name)
    coming.open()
    probe = WriterProbe(path)
    assert probe.writer_lives()
    probe.close()
    coming.close()


def test_a_lock_file_this_user_may_not_open_names_its_owner(directory: Path) -> None:
    path = directory / "a.lock"
    path.touch(mode=0o600)
    program = f"""
import os
import subprocess
import sys
from pathlib import Path
from shared.errors import RingUnavailable
from shared.ring.lock import WriterLock
os.seteuid(12345)
try:
    WriterLock(Path({str(path)!r})).open()
except RingUnavailable as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert f"it belongs to user {os.getuid()}" in done.stdout
    assert "RINGCAST_VIDEO__SHARED_MEMORY_NAME" in done.stdout


def test_another_users_lock_file_keeps_its_mode(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = directory / "a.lock"
    path.touch()
    path.chmod(0o666)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    lock = WriterLock(path)
    lock.open()
    assert path.stat().st_mode & 0o777 == 0o666
    lock.close()
