"""Programs run as other users, for tests of who may do what; needs root, as CI has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["as_user", "died_of"]

ROOT: Final = Path(__file__).resolve().parents[2]

_PREAMBLE: Final = """
import ctypes, encodings.ascii, os, sys
from pathlib import Path
import numpy as np
from shared.consumer import VideoConsumer
from shared.errors import RingcastError
from shared.frame import Geometry, MonotonicNs, PixelFormat
from shared.naming import segment_paths
from shared.ring.attachment import Attachment
from shared.ring.lock import WriterLock, WriterProbe
from shared.ring.reader import RingReader
from shared.ring.writer import RingWriter
from tests.support.frames import draw_telling, is_telling
paths = segment_paths(sys.argv[1])
user, *groups = map(int, sys.argv[2:])
os.setgroups(groups[1:])
os.setresgid(groups[0], groups[0], groups[0])
os.setresuid(user, user, user)
def attempt(act):
    try:
        act()
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
    else:
        print("done")
"""
"""Everything is imported while the program may still read it, and only then it becomes the user."""


def as_user(
    segment: str, user: int, groups: tuple[int, ...], program: str, imports: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program on a camera's files as another user.

    Args:
        segment: Name of the segment, in the program ``paths``.
        user: Its uid.
        groups: Its gids, the first one its main group.
        program: Python; ``attempt(act)`` says "done" or names the error.
        imports: Further ones, made while the program may still read the files.
    """
    command = [
        sys.executable,
        "-c",
        imports + _PREAMBLE + program,
        segment,
        str(user),
        *map(str, groups),
    ]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )


def died_of(done: subprocess.CompletedProcess[str]) -> int:
    """Number of the signal that ended a program; 0: none, and it said what went wrong if anything.

    Raises:
        AssertionError: The program itself was wrong.
    """
    assert done.returncode <= 0, done.stderr
    return -done.returncode
