from __future__ import annotations

from typing import TYPE_CHECKING

from services.api.counters import OTHER, Counters, count_up
from services.api.lifespan import AGED, LEAVING

if TYPE_CHECKING:
    from flask.testing import FlaskClient


def test_every_counter_is_told_in_the_status_and_begins_at_zero(http: FlaskClient) -> None:
    status = http.get("/stream/video/status").json
    assert status is not None
    names = Counters().numbers()
    assert {name: status[name] for name in names} == dict.fromkeys(names, 0)
    assert {name: status[f"{name}_total"] for name in names} == dict.fromkeys(names, 0)


def test_cells_are_the_same_counters_again_and_their_sums_those_of_both() -> None:
    counters = Counters(dropped=3)
    counters.note_sent(1000, 0.004)
    counters.note_sent(1000, None)
    counters.note_encoded("q85", 0.0021)
    again = Counters.of(counters.cells(), counters.variants)
    assert again.numbers() == counters.numbers()
    assert (again.sent, again.bytes, again.ages.count, again.encoded) == (2, 2000, 1, 1)
    assert (again.ages.counts, again.ages.sum) == (counters.ages.counts, 0.004)
    assert again.encodings.counts == counters.encodings.counts
    assert again.variants == {"q85": 1}
    sums = [2 * cell for cell in counters.cells()]
    assert Counters.of(sums, {}).encode_seconds == 0.0042


def test_streams_ended_by_the_server_are_counted_by_the_reason() -> None:
    counters = Counters()
    for why in (AGED, LEAVING, LEAVING, "the client has left"):
        counters.note_end(why)
    assert (counters.aged, counters.drained) == (1, 2)


def test_names_beyond_the_64th_are_counted_as_other() -> None:
    counts: dict[str, int] = {}
    for number in range(100):
        count_up(counts, str(number), 2)
    count_up(counts, "5")
    assert len(counts) == 65
    assert (counts["5"], counts["63"], counts[OTHER]) == (3, 2, 72)
