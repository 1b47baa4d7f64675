"""A wall clock that a test can set for the services it starts, and for nobody else."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["WallClock"]


class WallClock:
    """The wall clock of every process started with ``variables``; steady clocks are not touched.

    Args:
        folder: For the library and the file it reads.

    Attributes:
        variables: Of the environment of these processes.
    """

    def __init__(self, folder: Path) -> None:
        library, self._file = folder / "wall_clock.so", folder / "wall_clock"
        source = Path(__file__).with_name("wall_clock.c")
        command = ("cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source)
        subprocess.run(command, check=True, timeout=60)
        self.set(0)
        self.variables = {"LD_PRELOAD": str(library), "WALL_CLOCK_FILE": str(self._file)}

    def set(self, offset_s: int) -> None:
        """Set it so many seconds before (negative) or behind the machine's, at once."""
        beside = self._file.with_suffix(".new")
        beside.write_text(str(offset_s), encoding="ascii")
        beside.rename(self._file)
