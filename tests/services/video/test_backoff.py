"""Pauses grow, start over after a success that lasted, and differ from one client to the next."""

from __future__ import annotations

from services.video.backoff import Backoff


def test_pauses_double_up_to_the_longest_and_start_over_after_a_success() -> None:
    backoff = Backoff(1.0, 30.0, lambda: 0.0)

    assert [backoff.next_pause_s() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    backoff.reset()
    assert backoff.next_pause_s() == 1


def test_pauses_go_on_growing_after_a_success_that_did_not_last() -> None:
    backoff = Backoff(1.0, 30.0, lambda: 0.0)
    pauses = []
    for lasted_s in (0.0, 4.0, 5.5, 3.9, 4.1, 5.1, 8.5):
        backoff.worked_for(lasted_s)
        pauses.append(backoff.next_pause_s())

    assert pauses == [1, 2, 1, 2, 4, 1, 1]


def test_chance_shortens_a_pause_to_no_less_than_half() -> None:
    chances = iter([0.0, 0.5, 1.0])
    backoff = Backoff(8.0, 8.0, lambda: next(chances))

    assert [backoff.next_pause_s() for _ in range(3)] == [8.0, 6.0, 4.0]


def test_many_that_lost_the_same_server_do_not_come_back_at_once() -> None:
    pauses = {Backoff(1.0, 1.0).next_pause_s() for _ in range(50)}

    assert len(pauses) > 40
    assert all(0.5 <= pause <= 1.0 for pause in pauses)
