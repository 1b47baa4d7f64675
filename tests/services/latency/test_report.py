from __future__ import annotations

import dataclasses
import json

from services.latency.report import as_json, as_text, remarks
from services.latency.tally import Report, Spread, Tally
from shared.clock_offset import Offset

GOOD = Report(
    seconds=10.0,
    received=300,
    fps=30.0,
    bytes_per_s=1_000_000,
    age_ms=Spread(5.0, 6.0, 7.0, 8.0),
    jitter_ms=Spread(0.5, 1.0, 2.0, 3.0),
    gap_ms=Spread(33.3, 34.0, 35.0, 36.0),
    expected=301,
    missing=1,
    repeated=0,
    backwards=0,
    torn=0,
    contradicting=0,
    blank=0,
    epochs=1,
    coded=300,
)


def test_the_table_has_every_percentile() -> None:
    text = as_text(GOOD, None, "http://host/stream/video", "")
    assert "age           5.00      6.00      7.00      8.00\n" in text
    assert "fps 30.00, 8.00 Mbit/s" in text
    assert "missing 1 of 301 numbers (0.33 %)" in text
    assert "ended" not in text


def test_machines_get_all_of_it() -> None:
    document = json.loads(as_json(GOOD, Offset(-1.0, 2.0), "http://host/", "it is over"))
    assert document["age_ms"]["p95"] == 6.0
    assert document["clock_offset_ms"] == [-1.0, 2.0]
    assert document["ended"] == "it is over"
    assert set(dataclasses.asdict(GOOD)) < set(document)


def test_it_is_said_whether_the_picture_or_the_headers_spoke() -> None:
    assert "read from the pictures" in remarks(GOOD, None)[0]
    assert "hold no code" in remarks(dataclasses.replace(GOOD, coded=0), None)[0]
    assert "Only 200 of 300" in remarks(dataclasses.replace(GOOD, coded=200), None)[0]


def test_clocks_that_differ_are_spoken_of() -> None:
    text = " ".join(remarks(GOOD, Offset(2990.0, 3010.0)))
    assert "2990.0 to 3010.0 ms later here" in text
    early = dataclasses.replace(GOOD, age_ms=Spread(-40.0, -39.0, -38.0, -37.0))
    assert "before they were captured" in " ".join(remarks(early, None))
    assert "clocks" not in " ".join(remarks(GOOD, Offset(-3.0, 3.0)))


def test_what_else_happened_is_said() -> None:
    odd = dataclasses.replace(GOOD, blank=3, epochs=2, age_ms=None, coded=297)
    text = " ".join(remarks(odd, None))
    assert "3 blanks" in text
    assert "anew 1 times" in text
    assert "no age" in text


def test_nothing_is_nothing() -> None:
    text = as_text(Tally().report(0), None, "http://host/", "the server ended the stream")
    assert "Nothing was received." in text
    assert "It ended early: the server ended the stream" in text
