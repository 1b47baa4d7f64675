from __future__ import annotations

from types import SimpleNamespace

import pytest

from services.api.generations import Generations


class Arbiter(SimpleNamespace):
    """gunicorn's, as far as it matters: it has two workers, and never ends one by itself."""

    def __init__(self) -> None:
        super().__init__(WORKERS={}, num_workers=2, worker_age=0, LISTENERS=["one"], managed=0)
        self.generations = Generations(self)

    def manage_workers(self) -> None:
        """Count how often gunicorn would start or end workers."""
        self.managed += 1

    def reload(self) -> None:
        """As gunicorn does: start as many as there should be, then manage."""
        for _ in range(self.num_workers):
            self.spawn_worker()
        self.generations.manage()

    def spawn_worker(self) -> None:
        """Start one, which does not listen yet."""
        self.worker_age += 1
        place = SimpleNamespace(listens=False)
        self.WORKERS[self.worker_age] = SimpleNamespace(age=self.worker_age, place=place)

    def listen(self, *ages: int) -> None:
        """Workers accept clients from now on."""
        for age in ages:
            self.WORKERS[age].place.listens = True


@pytest.fixture
def arbiter() -> Arbiter:
    """Two workers serve; then it is reloaded."""
    made = Arbiter()
    for age in (1, 2):
        made.spawn_worker()
        made.listen(age)
    made.generations.reload()
    return made


def test_without_a_reload_everything_is_gunicorns() -> None:
    arbiter = Arbiter()
    arbiter.generations.manage()
    arbiter.spawn_worker()
    arbiter.generations.manage()
    assert arbiter.managed == 2
    assert not arbiter.generations.waiting


def test_old_workers_are_ended_once_all_new_ones_listen(arbiter: Arbiter) -> None:
    arbiter.listen(3)
    arbiter.generations.look()
    assert arbiter.managed == 0
    arbiter.listen(4)
    arbiter.generations.look()
    assert arbiter.managed == 1
    assert not arbiter.generations.waiting


def test_a_new_worker_that_died_is_replaced_by_a_new_one(arbiter: Arbiter) -> None:
    del arbiter.WORKERS[3]
    arbiter.generations.look()
    assert sorted(arbiter.WORKERS) == [1, 2, 4, 5]
    arbiter.listen(4, 5)
    arbiter.generations.look()
    assert arbiter.managed == 1


def test_old_workers_that_died_are_not_replaced(arbiter: Arbiter) -> None:
    del arbiter.WORKERS[1]
    arbiter.generations.look()
    assert sorted(arbiter.WORKERS) == [2, 3, 4]


def test_a_second_reload_makes_the_first_ones_workers_old(arbiter: Arbiter) -> None:
    arbiter.listen(3, 4)
    arbiter.generations.reload()
    assert sorted(arbiter.WORKERS) == [1, 2, 3, 4, 5, 6]
    assert arbiter.generations.waiting


def test_nobody_is_started_at_a_shutdown(arbiter: Arbiter) -> None:
    arbiter.LISTENERS.clear()
    arbiter.WORKERS.clear()
    arbiter.generations.look()
    assert not arbiter.WORKERS
    assert arbiter.managed == 0
