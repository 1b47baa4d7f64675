"""A small tmpfs, for tests of full ones. Where one cannot mount, see ``tests/conftest.py``."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["mounted"]


@contextlib.contextmanager
def mounted(folder: Path, size_bytes: int, rights: str = "mode=0750") -> Iterator[Path]:
    """Make a folder and mount a tmpfs there; for fixtures that are named ``small``.

    Args:
        folder: There is none yet.
        size_bytes: Of the tmpfs.
        rights: Whose it is, as options of mount.
    """
    folder.mkdir()
    if os.geteuid() != 0:
        yield folder  # looked at by nobody
        return
    options = f"size={size_bytes},{rights}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, f"cannot mount a tmpfs, not even as root: {done.stderr}"
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], timeout=20, check=True)
