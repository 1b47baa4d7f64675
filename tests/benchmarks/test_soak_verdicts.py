"""Tests of benchmarks/soak_verdicts.py: what is called flat, on series made up."""

from __future__ import annotations

import dataclasses
import math
import random

import pytest

from benchmarks.soak_samples import Process, Sample
from benchmarks.soak_verdicts import (
    Finding,
    growth,
    judged_processes,
    judged_rest,
    judged_segments,
)

EVERY_S = 5.0


def life(seconds: float, per_hour: float, level: float = 100.0) -> list[tuple[float, float]]:
    return [
        (EVERY_S * n, level + per_hour * EVERY_S * n / 3600) for n in range(int(seconds / EVERY_S))
    ]


def noisy(points: list[tuple[float, float]], swing: float) -> list[tuple[float, float]]:
    """As a crowd makes it: high for a while, low for a while, and a little at random."""
    chance = random.Random(4)  # noqa: S311 - repeatable
    return [(x, y + swing * math.sin(x / 60) + chance.gauss(0, swing / 4)) for x, y in points]


def samples(lives: list[tuple[float, list[tuple[float, float]]]]) -> list[Sample]:
    """One worker after the other, each with the time at which it began and its memory by age."""
    found = []
    for pid, (began_s, points) in enumerate(lives, start=100):
        for age_s, private_mb in points:
            process = Process("worker", pid, age_s, private_mb, 5.0, 30, 6, 3)
            found.append(Sample(began_s + age_s, 9, [30.0], [5.0, 9.0], [process], 12, 6.5))
    return found


def verdicts(found: list[Sample]) -> dict[str, Finding]:
    return {one.what: one for one in judged_processes(found, ["private_mb"])}


@pytest.mark.parametrize(("per_hour", "good"), [(0.0, True), (1.0, True), (5.0, False)])
def test_growth_of_more_than_two_percent_in_an_hour_is_not_flat(
    per_hour: float, *, good: bool
) -> None:
    found = verdicts(samples([(0.0, life(3600, per_hour))]))
    assert found["worker: private_mb"].good is good


def test_swinging_with_the_crowd_is_flat_but_does_not_hide_a_leak() -> None:
    flat = verdicts(samples([(0.0, noisy(life(3600, 0.0), 3.0))]))
    leaking = verdicts(samples([(0.0, noisy(life(3600, 20.0), 3.0))]))
    assert flat["worker: private_mb"].good
    assert not leaking["worker: private_mb"].good


def test_a_replaced_process_that_begins_anew_is_not_growth() -> None:
    filling = [(x, 100.0 - 40.0 * math.exp(-x / 15)) for x, _ in life(900, 0.0)]
    found = verdicts(samples([(900.0 * n, filling) for n in range(4)]))
    assert found["worker: private_mb"].good


def test_a_leak_is_not_hidden_by_replacing_the_process() -> None:
    """A line through the whole series is flat: each process takes back what the last one grew."""
    found = verdicts(samples([(900.0 * n, life(900, 30.0)) for n in range(4)]))
    assert not found["worker: private_mb"].good


def test_the_longest_life_weighs_most() -> None:
    steep, old = life(60, 600.0), life(3000, 0.0)
    grown = growth([steep, old])
    assert grown is not None
    assert grown.per_s * 3600 < 1.0


def test_each_process_beginning_higher_than_the_one_before_is_growth() -> None:
    lives = [(120.0 * n, life(120, 0.0, level=90.0 + 1.5 * n)) for n in range(10)]
    found = verdicts(samples(lives))
    assert found["worker: private_mb"].good
    assert not found["worker: private_mb at equal age"].good


def test_equal_starts_are_flat() -> None:
    chance = random.Random(2)  # noqa: S311 - repeatable
    lives = [(120.0 * n, life(120, 0.0, level=90.0 + chance.random())) for n in range(10)]
    assert verdicts(samples(lives))["worker: private_mb at equal age"].good


@pytest.mark.parametrize(("mb_per_minute", "good"), [(2.0, True), (20.0, False)])
def test_minutes_are_judged_by_what_was_added_in_them(mb_per_minute: float, *, good: bool) -> None:
    found = verdicts(samples([(0.0, life(180, 60 * mb_per_minute))]))
    assert found["worker: private_mb"].allowed == "20 in the window"
    assert found["worker: private_mb"].good is good


def test_seconds_say_nothing() -> None:
    assert verdicts(samples([(0.0, life(30, 0.0))])) == {}
    assert growth([]) is None


def test_segments_that_grow_are_found() -> None:
    flat = samples([(0.0, life(3600, 0.0))])
    growing = [
        dataclasses.replace(one, shm_mb=6.5 + one.at_s / 600, shm_files=12 + int(one.at_s / 100))
        for one in flat
    ]
    assert [one.good for one in judged_segments(flat)] == [True, True]
    assert [one.good for one in judged_segments(growing)] == [False, False]


def test_descriptors_rings_and_files_that_stay_are_found_at_rest() -> None:
    before = samples([(0.0, life(10, 0.0))])[0]
    process = dataclasses.replace(before.processes[0], fds=100, threads=9, ring_maps=6)
    after = dataclasses.replace(before, processes=[process], shm_files=16)
    assert all(one.good for one in judged_rest(before, before))
    assert {one.what: one.good for one in judged_rest(before, after)} == {
        "at rest: clients": True,
        "at rest: shm_files": False,
        "at rest: shm_mb": True,
        "at rest: ring_maps": False,
        "at rest: master fds": True,
        "at rest: video fds": True,
        "at rest: worker fds": False,
        "at rest: master threads": True,
        "at rest: video threads": True,
        "at rest: worker threads": False,
    }


def test_doubt_grows_with_what_neighbors_have_in_common() -> None:
    """The same values in another order: as slow waves they prove less than alternating."""
    alternating = [(EVERY_S * n, 100.0 + (-1) ** n) for n in range(200)]
    waves = [(EVERY_S * n, 100.0 + (1 if n // 10 % 2 else -1)) for n in range(200)]
    plain, widened = growth([alternating]), growth([waves])
    assert plain is not None
    assert widened is not None
    assert widened.doubt_per_s > 2 * plain.doubt_per_s
