from __future__ import annotations

from services.api.histogram import Histogram


def test_bucket_holds_its_upper_end_and_the_last_everything_beyond() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 2.5, 100.0):
        histogram.note(value)
    assert histogram.counts == [2, 2, 2]
    assert (histogram.count, histogram.sum) == (6, 107.5)


def test_sums_of_cells_are_the_cells_of_all() -> None:
    one, two, both = Histogram((1.0,)), Histogram((1.0,)), Histogram((1.0,))
    one.note(0.25)
    two.note(3.0)
    both.load([sum(pair) for pair in zip(one.cells(), two.cells(), strict=True)])
    assert (both.counts, both.sum) == ([1, 1], 3.25)
