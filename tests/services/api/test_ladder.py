from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.ladder import ladder, step_name
from services.api.variant import Variant

LARGE = (1920, 1080)


def test_first_step_is_what_a_client_without_auto_gets() -> None:
    assert ladder(Variant(85), 1)[0] == Variant(85)


def test_steps_are_these() -> None:
    """Fixed: two clients on the same step share each encoding."""
    assert [step_name(step) for step in ladder(Variant(85), 1)] == [
        "85",
        "65",
        "55 within 1280 x 1280",
        "50 within 960 x 960",
        "40 within 640 x 640",
        "30 within 480 x 480",
    ]


@given(
    st.integers(1, 100),
    st.none() | st.integers(1, 5000),
    st.none() | st.integers(1, 5000),
    st.integers(1, 100),
)
def test_no_step_is_better_than_the_one_above_it_nor_the_same(
    quality: int, width: int | None, height: int | None, least: int
) -> None:
    steps = ladder(Variant(quality, width, height), min(quality, least))
    assert len(set(steps)) == len(steps) >= 1
    for above, below in itertools.pairwise(steps):
        assert min(quality, least) <= below.quality <= above.quality
        assert below.fit(*LARGE) <= above.fit(*LARGE)
        assert not below.passthrough


@pytest.mark.parametrize("passthrough", [True, False])
def test_there_is_no_step_that_gives_the_same_again(*, passthrough: bool) -> None:
    steps = ladder(Variant(30, 300, 300, passthrough), 30)
    assert steps == (Variant(30, 300, 300, passthrough),)


def test_size_asked_for_is_kept_to_on_every_step() -> None:
    for step in ladder(Variant(85, 1000, None), 1):
        assert step.fit(*LARGE)[0] <= 1000
