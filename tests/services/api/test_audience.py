from __future__ import annotations

from services.api.audience import FIELDS, Audience
from services.api.counters import OTHER
from tests.support.watchers import watcher


def test_clients_are_told_with_every_field_until_they_leave() -> None:
    audience = Audience()
    hall, yard = watcher("1-1", key="hall"), watcher("1-2", "q40", kind="raw")
    hall.since = 1795590061.95432
    audience.enter(hall)
    audience.enter(yard)
    first, second = (dict(zip(FIELDS, row, strict=True)) for row in audience.rows())
    assert first == {
        "id": "1-1",
        "key": "hall",
        "address": "192.0.2.7",
        "kind": "mjpeg",
        "variant": "q85p",
        "since": 1795590061.954,
        "fps": 0.0,
        "sent": 0,
        "sent_bytes": 0,
        "dropped": 0,
        "bitrate_bps": 0,
        "advance_headers": False,
        "extra_headers": False,
        "dual_final_frames": False,
        "zero_data": False,
    }
    assert (second["id"], second["kind"]) == ("1-2", "raw")
    audience.leave(hall)
    audience.leave(hall)
    assert [row[0] for row in audience.rows()] == ["1-2"]
    assert (len(audience), audience.entered) == (1, 2)


def test_only_the_newest_are_told_and_all_are_counted() -> None:
    audience = Audience()
    for number in range(10):
        audience.enter(watcher(str(number)))
    assert [row[0] for row in audience.rows(3)] == ["7", "8", "9"]
    assert audience.rows(0) == []
    assert audience.by_variant() == {"q85p": 10}


def test_variants_beyond_the_64th_are_counted_as_other() -> None:
    audience = Audience()
    for number in range(70):
        audience.enter(watcher(str(number), f"q{number}"))
    counts = audience.by_variant()
    assert len(counts) == 65
    assert counts[OTHER] == 6
    assert sum(counts.values()) == 70
