"""What gunicorn's arbiter needs to know beside gunicorn: paused is not hung, and systemd watches.

Runs in the arbiter, the process that starts the workers; wraps four of its methods.
"""

from __future__ import annotations

import logging
import signal
import time
from typing import TYPE_CHECKING, Any, Final

from gunicorn import systemd  # type: ignore[import-untyped]

from services.api.generations import Generations

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Patience", "Watchdog", "heed_the_end", "supervise"]

log = logging.getLogger(__name__)

_STOOD_STILL_S: Final = 5.0
"""The arbiter looks every second; if the last look is longer ago, it was paused or busy itself."""
_GRACE_S: Final = 5.0
"""How long workers may take after that to show that they live; they do so every second."""
_BEAT_S: Final = 1.0
_ENDS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})


class Patience:
    """Decides whether workers that have not shown a sign of life may be judged now.

    UPSTREAM: gunicorn 27 compares a worker's last sign of life with the time, so that after a pause
    of the whole service (``docker pause``, SIGSTOP, a frozen control group) longer than ``timeout``
    it aborts all workers; delete when ``Arbiter.murder_workers`` notices that itself.

    Args:
        clock: A steady clock, seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_at = clock()
        self._judge_again_at = self._looked_at

    def judge(self) -> bool:
        """Say whether to look for hung workers; to be asked each time before."""
        self.look()
        return self._looked_at >= self._judge_again_at

    def look(self) -> None:
        """Notice a pause; to be called from every loop of the arbiter, each second at least."""
        now = self._clock()
        away_s, self._looked_at = now - self._looked_at, now
        if away_s >= _STOOD_STILL_S:
            self._judge_again_at = now + _GRACE_S
            log.info("stood still for %.0f s; the workers did as well and are not judged", away_s)


class Watchdog:
    """Tells systemd that the arbiter lives, once a second; does nothing where systemd does not ask.

    Source: sd_notify(3), WATCHDOG=1; systemd.service(5), WatchdogSec=.

    Args:
        notify: Sends a state; gunicorn's own by default, which reads ``NOTIFY_SOCKET``.
        clock: A steady clock, seconds.
    """

    def __init__(
        self, notify: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._notify = notify
        self._clock = clock
        self._beaten_at = float("-inf")

    def beat(self) -> None:
        """Say that the arbiter lives, if that was not said within the last second."""
        now = self._clock()
        if now - self._beaten_at >= _BEAT_S:
            self._beaten_at = now
            self._notify("WATCHDOG=1")


def supervise(arbiter: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Have an arbiter be patient after a pause and at a reload, and tell systemd that it lives.

    Args:
        arbiter: gunicorn's. Wrapped are what its loops call at least every second,
            ``murder_workers`` in the main one and ``reap_workers`` in those of reload and shutdown,
            and what starts and ends workers, ``manage_workers`` and ``reload``.
    """
    patience = Patience()
    watchdog = Watchdog(lambda state: systemd.sd_notify(state, arbiter.log))
    generations = Generations(arbiter)
    murder_workers, reap_workers = arbiter.murder_workers, arbiter.reap_workers

    def murder() -> None:
        watchdog.beat()
        if patience.judge():
            murder_workers()

    def reap() -> None:
        watchdog.beat()
        patience.look()
        reap_workers()
        generations.look()

    arbiter.murder_workers, arbiter.reap_workers = murder, reap
    arbiter.manage_workers, arbiter.reload = generations.manage, generations.reload


def heed_the_end(arbiter: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """In a worker just forked: have it end if it was told so before it knew what that means.

    UPSTREAM: until gunicorn 27's worker sets its handlers it has the arbiter's, which put signals
    on a queue nobody reads in a worker: one that was starting at SIGTERM lived on until the
    graceful timeout was over, and the server with it; delete when ``Arbiter.spawn_worker`` resets
    them.

    Args:
        arbiter: As the worker has it, a copy.
        worker: The worker.
    """
    signal.signal(signal.SIGTERM, worker.handle_exit)
    while not arbiter.SIG_QUEUE.empty():
        if arbiter.SIG_QUEUE.get_nowait() in _ENDS:
            worker.alive = False
