"""Two generations of workers at a reload: the old ones serve until all of the new ones do.

gunicorn ends the old workers right after it has forked the new ones, which then have everything to
import: for a second or more nobody served. And where a new one died, an old one stayed in its
place, with settings that were to be gone.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Generations"]


class Generations:
    """Stands before two methods of gunicorn's arbiter. Used in the arbiter only.

    Args:
        arbiter: gunicorn's.

    Attributes:
        waiting: Old workers live, and new ones are missing or do not listen yet.
    """

    def __init__(self, arbiter: Any) -> None:  # noqa: ANN401 - gunicorn has no types
        self._arbiter = arbiter
        self._manage_workers = arbiter.manage_workers
        self._reload = arbiter.reload
        self._newest_old = 0
        self.waiting = False

    def reload(self) -> None:
        """All workers there are now are old ones."""
        self._newest_old = self._arbiter.worker_age
        self._reload()

    def manage(self) -> None:
        """Start what is missing and end what is too much, but no old worker before its time."""
        workers = list(self._arbiter.WORKERS.values())
        new = [worker for worker in workers if worker.age > self._newest_old]
        missing = self._arbiter.num_workers - len(new)
        unready = missing > 0 or not all(worker.place.listens for worker in new)
        self.waiting = len(new) < len(workers) and unready
        if not self.waiting:
            self._manage_workers()
            return
        for _ in range(missing):  # gunicorn counts the old ones, too, and would start none
            self._arbiter.spawn_worker()

    def look(self) -> None:
        """Manage again if that waits for something; to be called often. Nothing at a shutdown."""
        if self.waiting and self._arbiter.LISTENERS:  # the first thing that a shutdown empties
            self.manage()
