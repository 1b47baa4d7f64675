from __future__ import annotations

from dataclasses import astuple

from services.api.counters import Counters


def test_everything_begins_at_zero() -> None:
    assert set(astuple(Counters())) == {0}
