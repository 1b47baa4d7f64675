"""When silence is a stall, by a clock that the test moves."""

from __future__ import annotations

import pytest

from services.video.patience import Patience


def test_first_picture_leaves_the_stall_timeout() -> None:
    assert Patience(2.0).after_picture(100.0, None) == 2.0


def test_source_that_knows_its_period_is_given_two_of_it() -> None:
    assert Patience(2.0).after_picture(100.0, 10.0) == 20.0


def test_fast_source_is_given_the_stall_timeout() -> None:
    patience = Patience(2.0)
    given_s = [patience.after_picture(100.0 + number / 30, None) for number in range(60)]
    assert set(given_s) == {2.0}


def test_period_is_learned_from_the_gaps_of_a_source_that_does_not_know_it() -> None:
    patience = Patience(2.0)
    patience.after_picture(100.0, None)
    assert patience.after_picture(105.0, None) == 10.0


def test_outage_is_no_period() -> None:
    patience = Patience(2.0)
    given_s = [patience.after_picture(now_s, None) for now_s in (100.0, 100.1, 160.0)]
    assert given_s[-1] == 2.0


def test_source_that_became_slow_is_believed_after_three_gaps() -> None:
    patience = Patience(2.0)
    given_s = [patience.after_picture(now_s, None) for now_s in (0.0, 0.1, 5.1, 10.1, 15.1)]
    assert given_s == pytest.approx([2.0, 2.0, 2.0, 2.0, 10.0])


def test_source_of_nothing_but_damaged_pictures_is_lost_after_a_while() -> None:
    patience = Patience(2.0)
    assert patience.after_damage(10.0) is None
    assert patience.after_damage(11.9) is None
    assert patience.after_damage(12.5) == "nothing but damaged pictures for 2 s"


def test_good_picture_or_a_new_opening_forgives_the_damaged_ones() -> None:
    patience = Patience(2.0)
    patience.after_damage(10.0)
    patience.after_picture(11.0, None)
    assert patience.after_damage(12.5) is None
    patience.after_opening()
    assert patience.after_damage(15.0) is None
