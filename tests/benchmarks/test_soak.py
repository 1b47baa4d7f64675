"""Tests of benchmarks/soak.py: what is called flat."""

from __future__ import annotations

import pytest

from benchmarks.soak import WATCHED, findings


def samples(minutes: int, mb_per_hour: float) -> list[dict[str, float]]:
    times = [10.0 * n for n in range(6 * minutes + 1)]
    return [
        {"at_s": at_s, **dict.fromkeys(WATCHED, 100.0 + mb_per_hour * at_s / 3600)}
        for at_s in times
    ]


@pytest.mark.parametrize(
    ("minutes", "mb_per_hour", "word"),
    [(60, 0.0, "flat"), (60, 1.0, "flat"), (60, 5.0, "**not flat**"), (5, 5.0, "too short to say")],
)
def test_growth_of_more_than_two_percent_in_an_hour_is_not_flat(
    minutes: int, mb_per_hour: float, word: str
) -> None:
    assert {line[-1] for line in findings(samples(minutes, mb_per_hour))} == {word}
