"""The fence takes a real lock, whatever gevent has patched; its effect needs arm64 to show."""

from __future__ import annotations

import _thread
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import pytest

from shared import fence as fence_module
from shared.fence import fence

ROOT: Final = Path(__file__).resolve().parents[2]

PATCHED: Final = """
import sys
{before}
from gevent import monkey
monkey.patch_all()
{after}
import _thread
from shared import fence
lock = fence._allocate_lock()
assert type(lock).__module__ == "_thread", type(lock)
assert type(lock) is type(monkey.get_original("_thread", "allocate_lock")())
assert type(lock) is not type(_thread.allocate_lock()), "gevent patched nothing: no test"
fence.fence()
"""


def test_a_fence_returns_and_leaves_nothing_held() -> None:
    for _ in range(1000):
        fence()


def test_fences_of_many_threads_do_not_wait_for_each_other() -> None:
    threads = [
        threading.Thread(target=test_a_fence_returns_and_leaves_nothing_held) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_the_lock_is_the_interpreters() -> None:
    assert type(fence_module._allocate_lock()) is type(_thread.allocate_lock())  # noqa: SLF001


@pytest.mark.process
@pytest.mark.parametrize("imported", ["before", "after"])
def test_under_gevent_the_lock_is_still_the_interpreters(imported: str) -> None:
    program = PATCHED.format(
        before="import shared.fence" if imported == "before" else "",
        after="import shared.fence" if imported == "after" else "",
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
