"""A difference of clocks is a range that holds, narrowed by exchanges and widened by time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock_offset import Offset

ms = st.floats(0.0, 1e3)


@given(ahead_ms=st.floats(-1e6, 1e6), there_ms=ms, back_ms=ms, doubt_ms=ms)
def test_truth_lies_within_one_exchange(
    ahead_ms: float, there_ms: float, back_ms: float, doubt_ms: float
) -> None:
    sent_ms = 5e6
    told_ms = sent_ms + there_ms + ahead_ms
    offset = Offset.of_exchange(sent_ms, told_ms, sent_ms + there_ms + back_ms, doubt_ms)
    assert offset.least_ms - 1e-6 <= -ahead_ms <= offset.most_ms + 1e-6
    assert offset.doubt_ms == pytest.approx((there_ms + back_ms) / 2 + doubt_ms, abs=1e-6)


def test_exchanges_narrow_it_unless_they_contradict_each_other() -> None:
    first = Offset(-10.0, 10.0)
    assert first.narrowed(Offset(-5.0, 20.0)) == Offset(-5.0, 10.0)
    assert first.narrowed(Offset(50.0, 60.0)) == first
    assert Offset(-5.0, 10.0).middle_ms == 2.5


def test_time_widens_it() -> None:
    aged = Offset(-1.0, 1.0).aged(10_000.0)
    assert (aged.least_ms, aged.most_ms) == pytest.approx((-2.0, 2.0))


def test_clocks_differ_only_where_they_certainly_do() -> None:
    assert not Offset(-1.0, 1.0).differs
    assert Offset(0.5, 1.0).differs
    assert Offset(-1.0, -0.5).differs
