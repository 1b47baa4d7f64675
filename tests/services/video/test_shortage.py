"""No room is not asked for with every picture, and what fits may pass meanwhile."""

from __future__ import annotations

import pytest

from services.video.shortage import Shortage
from shared.settings_schema import RetrySettings


@pytest.fixture
def shortage() -> Shortage:
    return Shortage(RetrySettings(initial_sec=1.0, max_sec=4.0), lambda: 0.0)


def test_without_a_shortage_everything_may_be_tried(shortage: Shortage) -> None:
    assert not shortage.forbids(10**9, 0.0, fits=False)


def test_pictures_as_large_wait_until_the_pause_is_over(shortage: Shortage) -> None:
    assert shortage.begins(1000, now_s=10.0) == 1.0
    assert shortage.forbids(1000, 10.9, fits=False)
    assert shortage.forbids(1000, 10.9, fits=True)
    assert not shortage.forbids(1000, 11.0, fits=False)


def test_smaller_picture_passes_where_it_fits(shortage: Shortage) -> None:
    shortage.begins(1000, now_s=10.0)
    assert not shortage.forbids(999, 10.5, fits=True)
    assert shortage.forbids(999, 10.5, fits=False)


def test_pauses_grow_until_there_is_a_picture_again(shortage: Shortage) -> None:
    assert [shortage.begins(1000, now_s=0.0) for _ in range(4)] == [1.0, 2.0, 4.0, 4.0]
    shortage.ends()
    assert not shortage.forbids(1000, 0.1, fits=False)
    assert shortage.begins(1000, now_s=0.0) == 1.0
