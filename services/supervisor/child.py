"""One service as a child process: started, started again after a failure, ended."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["FINISHED", "MISCONFIGURED", "Child"]

log = logging.getLogger(__name__)

FINISHED: Final = 0
"""A file that is not looped is through, or somebody ended the service."""
MISCONFIGURED: Final = 2
"""Settings are wrong, and would be again."""
_ROOT: Final = Path(__file__).resolve().parents[2]
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
_STEADY_S: Final = 60.0
"""Whoever ran for so long has not failed again and again: the pauses start over."""


class Child:
    """A service that runs, that pauses before it is started again, or that has ended for good.

    Nothing here waits: ``tend`` is called again and again by one thread, the one that made it, and
    looks after it. Should this process die, the kernel ends the service (``setpriv --pdeathsig``).

    Args:
        name: For people.
        command: Of the service.
        environment: Of the service.
        clock: Steady, seconds.

    Attributes:
        name: For people.
        code: Its exit code once it has ended for good; None before that.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.code: int | None = None
        self._command = tuple(command)
        self._environment = dict(environment)
        self._clock = clock
        self._failures = 0
        self._started_s = 0.0
        self._due_s: float | None = None  # of the next start
        self._kill_s: float | None = None  # when patience with its end is over
        self._wanted = True
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; where that is impossible now, after a pause."""
        self.code, self._due_s, self._kill_s = None, None, None
        self._wanted = True
        self._started_s = self._clock()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own services
                ("setpriv", "--pdeathsig", "TERM", *self._command),  # noqa: S607 - the system's
                cwd=_ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                process_group=0,  # so that Ctrl-C comes here, and the services end in order
            )
        except OSError as error:  # no process or memory to be had, no setpriv
            self._pause_after(f"cannot be started: {error}")

    def tend(self) -> None:
        """Look after it: after a failure, start it again when its pause is over."""
        if self._due_s is not None:
            if self._clock() >= self._due_s:
                self.start()
            return
        if self._process is None:
            return
        code = self._process.poll()
        if code is not None:
            self._has_ended(code)
        elif self._kill_s is not None and self._clock() >= self._kill_s:
            log.error("%s does not end; killing it", self.name)
            self._kill_s = None
            self._sweep()

    def reload(self) -> None:
        """Have it read its settings anew, if it runs (SIGHUP; for the API)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def restart(self, patience_s: float) -> None:
        """End it and start it again, without a pause; with a pause or ended for good: now."""
        if self._process is None:
            self._failures = 0
            self.start()
            return
        self._ask(patience_s)

    def end(self, patience_s: float) -> None:
        """Ask it to end; ``tend`` kills it and whatever it started after ``patience_s``."""
        self._wanted = False
        self._due_s = None
        if self._process is None:
            self.code = FINISHED if self.code is None else self.code
            return
        self._ask(patience_s)

    def _ask(self, patience_s: float) -> None:
        if self._process is not None and self._kill_s is None:
            self._process.terminate()
            self._kill_s = self._clock() + patience_s

    def _has_ended(self, code: int) -> None:
        asked = self._kill_s is not None
        self._sweep()
        self._process, self._kill_s = None, None
        if not self._wanted:
            self.code = code
        elif asked:
            self.start()
        elif code in {FINISHED, MISCONFIGURED}:
            self.code = code
        else:
            self._pause_after(f"ended with code {code}")

    def _pause_after(self, failure: str) -> None:
        if self._clock() - self._started_s > _STEADY_S:
            self._failures = 0
        pause_s = min(_FIRST_PAUSE_S * 2.0**self._failures, _LONGEST_PAUSE_S)
        self._failures += 1
        self._due_s = self._clock() + pause_s
        again = f", {self._failures} times in a row" if self._failures > 1 else ""
        log.error("%s %s%s; starting it again in %g s", self.name, failure, again, pause_s)

    def _sweep(self) -> None:
        """Kill what is left of its process group."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):  # nothing left is the normal case
                os.killpg(self._process.pid, signal.SIGKILL)
