from __future__ import annotations

import re

from services.api.chronicle import Chronicle
from services.api.counters import Counters
from services.api.instruments import CAMERA_COUNTERS, CAMERA_GAUGES, HISTOGRAMS
from services.api.workers import Together


def test_names_are_as_prometheus_wants_them_and_each_has_a_sentence() -> None:
    tables = [*CAMERA_COUNTERS, *HISTOGRAMS, *CAMERA_GAUGES]
    names = [name for name, _, _ in tables]
    assert len(set(names)) == len(names)
    for name, text, _ in tables:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
        assert not name.endswith("_total"), "the library adds it"
        assert text.endswith(".")


def test_every_plain_counter_is_exposed_once() -> None:
    """Each is given a number of its own, which must come back."""
    numbers = {name: index for index, name in enumerate(Counters().numbers(), start=1)}
    counters = Counters(**numbers)  # type: ignore[arg-type]  # none of the numbers is a histogram
    chronicle = Chronicle(captured=1000, lost=2000, lives=3001)
    known = Together(counters, clients=0, chronicle=chronicle)
    values = [value(known) for _, _, value in CAMERA_COUNTERS]
    # encoded has variants, and what it took is a histogram
    expected = set(numbers.values()) - {numbers["encoded"], numbers["encode_seconds"]}
    assert sorted(values) == sorted(expected | {1000, 2000, 3000})
