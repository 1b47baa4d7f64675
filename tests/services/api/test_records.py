from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from services.api import records as module
from services.api.chronicle import Chronicle
from services.api.counters import OTHER, Counters
from services.api.records import Records

if TYPE_CHECKING:
    import pytest

    from services.api.camera import Camera


class Played:
    """As much of a camera as records ask for.

    Attributes:
        counters: What it has counted.
        feed: Whether it had a frame.
        audience: Nobody.
    """

    def __init__(self, *, head: int = 0, **encoded: int) -> None:
        self.counters = Counters(variants=encoded)
        self.feed = SimpleNamespace(newest=head or None)
        self.audience = SimpleNamespace(by_variant=dict)
        self._head = head

    def tell(self, chronicle: Chronicle) -> None:
        chronicle.see(7, self._head, 0)


def played(*, head: int = 0, **encoded: int) -> Camera:
    return cast("Camera", Played(head=head, **encoded))


def told(records: Records, names: int = 64, **cameras: Camera) -> dict[str, Any]:
    return records.document(cameras, names)


def test_what_those_before_us_have_encoded_is_counted_on() -> None:
    records = Records({"door": {"q85": 5, "q40": 1}}, {})
    document = told(records, door=played(q85=2, q30=1))
    assert document["encoded"] == {"door": {"q85": 7, "q40": 1, "q30": 1}}


def test_camera_that_has_gone_is_told_of_and_counted_on_when_it_comes_again() -> None:
    records = Records({}, {})
    records.keep("door", played(head=30, q85=2))
    assert told(records)["encoded"] == {"door": {"q85": 2}}
    assert told(records)["seen"]["door"]["head"] == 30
    again = played(head=40, q85=1)
    records.see("door", again)
    document = told(records, door=again)
    assert document["encoded"] == {"door": {"q85": 3}}
    assert document["seen"]["door"]["head"] == 40


def test_longest_chronicle_of_anybody_goes_on() -> None:
    records = Records({}, {"door": Chronicle(epoch=6, head=100, lives=2)})
    records.see("door", played(head=5))
    seen = Chronicle.of(told(records)["seen"]["door"])
    assert (seen.captured_total, seen.lives) == (105, 3)


def test_camera_that_does_not_come_again_is_forgotten() -> None:
    records = Records({"door": {"q85": 1}}, {"door": Chronicle(epoch=1, head=1)})
    records.forget("door")
    records.forget("door")
    assert told(records) == {"encoded": {}, "seen": {}, "watching": {}}


def test_those_that_went_first_are_forgotten_first_and_no_camera_that_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_GONE_KEPT", 2)
    records = Records({}, {})
    here = played(head=1, q85=1)
    records.see("here", here)
    for name in ("first", "second", "third"):
        records.keep(name, played(head=1, q85=1))
    document = told(records, here=here)
    assert list(document["seen"]) == ["here", "second", "third"]
    assert list(document["encoded"]) == ["second", "third", "here"]


def test_variants_beyond_a_number_are_told_as_other_and_the_sum_stays() -> None:
    records = Records({"door": {"a": 1, "b": 2, "c": 4}}, {})
    document = told(records, 2, door=played(a=8, d=16))
    assert document["encoded"]["door"] == {"a": 9, "b": 2, OTHER: 20}
