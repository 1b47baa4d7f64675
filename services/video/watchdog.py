"""Ends the process when one of its threads hangs, so that its supervisor starts it anew.

A thread tells its ``Pulse`` what it begins and when it is idle; the watchdog looks at all pulses
once a tick. A call that is the same one for too many ticks in a row hangs: it will not come back,
and nothing in this process can end it, since a thread that waits in C cannot be killed. The end of
the process can: the kernel frees lock and camera, and readers show blanks until the next start.

Ticks are counted instead of comparing clocks because a clock cannot tell "paused" from "hung".
While the process is stopped (SIGSTOP, a paused container, a suspended machine) the watchdog does
not tick either, so a pause of any length is one tick.

It needs the interpreter, so it does not see a thread that hangs without giving it back; nobody's
heartbeat goes on then, which systemd's watchdog and the health check of the container see.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Pulse", "Watchdog", "end_process"]

log = logging.getLogger(__name__)

_LONGEST_TICK_S: Final = 1.0
_TICKS_PER_TIMEOUT: Final = 4
_LAST_WORDS_S: Final = 2.0
"""For the log; a standard error that nobody reads any more may be what hangs."""
_EXIT_HUNG: Final = 1


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """Compared by identity: the same object is the same call."""

    what: str
    may_take_s: float


class Pulse:
    """What one thread does at the moment: told by that thread, looked at by the watchdog's.

    Args:
        thread: Who it is, for the log.

    Attributes:
        call: What it does; None while it may take all the time it wants.
    """

    def __init__(self, thread: str) -> None:
        self.thread = thread
        self.call: _Call | None = None

    def doing(self, what: str, may_take_s: float = 0.0) -> None:
        """Something begins, be it the same as before.

        Args:
            what: It, for the log.
            may_take_s: How long it may rightly take by itself, for example a network's timeout.
        """
        self.call = _Call(what, may_take_s)

    def idle(self) -> None:
        """It is over, and what comes next is waiting for somebody else."""
        self.call = None


class Watchdog:
    """Looks at pulses from a thread of its own until ``stop``; a context manager.

    Args:
        pulses: Whose.
        hang_timeout_s: The ``video.hang_timeout_sec`` setting; what a call may rightly take comes
            on top of it.
        end: Called once with a sentence that says what hangs.
    """

    def __init__(
        self, pulses: Sequence[Pulse], hang_timeout_s: float, end: Callable[[str], object]
    ) -> None:
        self.tick_s: Final = min(_LONGEST_TICK_S, hang_timeout_s / _TICKS_PER_TIMEOUT)
        self._hang_timeout_s = hang_timeout_s
        self._end = end
        self._pulses = tuple(pulses)
        self._seen: dict[Pulse, _Call] = {}
        self._ticks: dict[Pulse, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def tick(self) -> bool:
        """Look at every pulse once, ``tick_s`` after the last time as far as anybody can tell.

        Returns:
            True when something hangs; ``end`` was called then.
        """
        for pulse in self._pulses:
            call = pulse.call
            if call is None or call is not self._seen.get(pulse):
                self._ticks[pulse] = 0
                if call is not None:
                    self._seen[pulse] = call
                continue
            self._ticks[pulse] += 1
            lasted_s = self._ticks[pulse] * self.tick_s
            if lasted_s > self._hang_timeout_s + call.may_take_s:
                self._end(self._accuse(pulse, call, lasted_s))
                return True
        return False

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; more than once is harmless."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stopping.wait(self.tick_s):
            if self.tick():
                return

    def _accuse(self, pulse: Pulse, call: _Call, lasted_s: float) -> str:
        allowed = f"video.hang_timeout_sec {self._hang_timeout_s:g}"
        if call.may_take_s:
            allowed += f" and {call.may_take_s:g} s that this may take"
        return f"the {pulse.thread} hangs: {call.what} for {lasted_s:.0f} s ({allowed})"


def end_process(accusation: str) -> None:
    """Say what hangs and where every thread is, and end the process at once, exit code 1.

    Nothing is torn down: whatever could be waited for here may hang as well.
    """
    speaker = threading.Thread(target=_speak, args=(accusation,), name="last words", daemon=True)
    speaker.start()
    speaker.join(_LAST_WORDS_S)
    os._exit(_EXIT_HUNG)


def _speak(accusation: str) -> None:
    log.critical("%s; ending, for the supervisor to start it anew. All threads:", accusation)
    faulthandler.dump_traceback(all_threads=True)
