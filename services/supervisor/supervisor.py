"""All children together: what runs follows what is to run, and nobody waits for anybody."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from services.supervisor.child import Child
from services.supervisor.jobs import API

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from services.supervisor.jobs import Job

__all__ = ["Supervisor"]

log = logging.getLogger(__name__)

_TICK_S: Final = 0.02


class Supervisor:
    """Keeps one child per job.

    A camera that fails, hangs or ends for good changes nothing for the others. All is over when
    the API has ended for good, or every Video Module has: ``over`` then is the exit code.

    Args:
        environment: Of all children.
        patience_s: How long a child may take to end before it is killed, seconds.
        clock: Steady, seconds.

    Attributes:
        over: Exit code; None: there is something to look after.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.over: int | None = None
        self._environment = environment
        self._patience_s = patience_s
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._children: dict[str, Child] = {}
        self._leaving: list[Child] = []

    def follow(self, jobs: Sequence[Job]) -> None:
        """Start what is new, end what has vanished, start again what has changed, no other.

        The API is told to read its settings anew instead: its clients keep their streams until
        they end properly.

        Args:
            jobs: All that are to run, in the order of their start.
        """
        wanted = {job.name: job for job in jobs}
        for name in [name for name in self._children if name not in wanted]:
            log.info("%s is no longer wanted", name)
            child = self._children.pop(name)
            child.end(self._patience_s)
            self._leaving.append(child)
        for name, job in wanted.items():
            before = self._jobs.get(name)
            if before is None:
                self._children[name] = Child(name, job.command, self._environment, self._clock)
                self._children[name].start()
            elif before.rests_on != job.rests_on:
                log.info("%s has other settings", name)
                if name == API:
                    self._children[name].reload()
                else:
                    self._children[name].restart(self._patience_s)
        self._jobs = wanted

    def tend(self) -> None:
        """Look after every child; again and again."""
        for child in [*self._children.values(), *self._leaving]:
            before = child.code
            child.tend()
            if child.code is not None and before is None and child not in self._leaving:
                log.warning("%s ended with code %d, for good", child.name, child.code)
        self._leaving = [child for child in self._leaving if child.code is None]
        self.over = self._exit_code()

    def running(self) -> bool:
        """Whether any child has not ended for good."""
        return any(child.code is None for child in [*self._children.values(), *self._leaving])

    def end(self) -> None:
        """End all, the API first, then every Video Module at once; each has its patience."""
        api = [child for name, child in self._children.items() if name == API]
        videos = [child for name, child in self._children.items() if name != API]
        for stage in (api, [*videos, *self._leaving]):
            self._end_together(stage)

    def _end_together(self, children: Iterable[Child]) -> None:
        remaining = list(children)
        for child in remaining:
            child.end(self._patience_s)
        while remaining:
            for child in remaining:
                child.tend()
            remaining = [child for child in remaining if child.code is None]
            if remaining:
                time.sleep(_TICK_S)

    def _exit_code(self) -> int | None:
        api = self._children.get(API)
        if api is not None and api.code is not None:
            return api.code
        codes = [child.code for name, child in self._children.items() if name != API]
        ended = [code for code in codes if code is not None]
        return max(ended) if codes and len(ended) == len(codes) else None
