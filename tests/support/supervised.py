"""The supervisor as a child process of a test, and what it says and runs."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import subprocess
import sys
from pathlib import Path
from typing import Final, Self

import psutil

__all__ = ["WAIT_S", "Supervised", "are_gone"]

ROOT: Final = Path(__file__).resolve().parents[2]
WAIT_S: Final = 30.0


class Supervised:
    """``python -m services.supervisor`` as a child, with a free port and its own directory.

    Args:
        directory: Of the segments.
        module: What is run.
        arguments: Of the command line.
        variables: Of the environment.
    """

    def __init__(
        self,
        directory: Path,
        *,
        module: str = "services.supervisor",
        arguments: tuple[str, ...] = ("--with-api",),
        **variables: str,
    ) -> None:
        self.process = subprocess.Popen(
            (sys.executable, "-m", module, *arguments),
            cwd=ROOT,
            env={
                **os.environ,
                "RINGCAST_API__PORT": "0",
                "RINGCAST_VIDEO__SHARED_MEMORY_NAME": "supervised",
                "RINGCAST_VIDEO__SHARED_MEMORY_DIRECTORY": str(directory),
                "RINGCAST_VIDEO__RING__RESERVE_MB": "0",
                "VIDEO_SOURCE": "pattern://320x240@10",
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.log = b""

    def wait_for(self, words: str) -> re.Match[bytes]:
        """Read the output until it holds the regular expression."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while (found := re.search(words.encode(), self.log)) is None:
                assert selector.select(WAIT_S), f"no {words!r} in time in {self.log.decode()}"
                news = os.read(self.process.stdout.fileno(), 65536)
                assert news, f"it ended without {words!r}: {self.log.decode()}"
                self.log += news
        return found

    def wait_until_ready(self) -> str:
        """Give the URL once it is printed."""
        return self.wait_for(r"Ringcast is running: (\S+)").group(1).decode()

    def services(self) -> list[psutil.Process]:
        """Give every process below."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def service(self, words: str) -> psutil.Process:
        """Give the direct child whose command line holds the words."""
        children = psutil.Process(self.process.pid).children()
        (found,) = (child for child in children if words in " ".join(child.cmdline()))
        return found

    def wait(self) -> int:
        """Read the rest of the output; give the exit code."""
        self.log += self.process.communicate(timeout=WAIT_S)[0]
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):  # a finished one: the normal case
            for process in self.services():
                process.kill()
        self.process.kill()
        with self.process:
            print(self.log.decode(errors="replace"))  # noqa: T201 - pytest shows it with a failure


def are_gone(processes: list[psutil.Process]) -> bool:
    """Whether at least two there were, and all are gone in time."""
    gone, alive = psutil.wait_procs(processes, timeout=WAIT_S)
    return len(gone) >= 2 and not alive
