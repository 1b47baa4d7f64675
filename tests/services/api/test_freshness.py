from __future__ import annotations

import pytest

from services.api.encoding import Encoding
from services.api.freshness import After, Freshness, parse_picture, parse_raw_picture
from services.api.query import BadParameters
from services.api.variant import Variant
from shared.frame import Epoch, FrameInfo, Geometry, MonotonicNs, PixelFormat, Sequence
from shared.settings_stream import StreamSettings

LIMITS = StreamSettings()


def frame(sequence: int, epoch: int = 5) -> FrameInfo:
    at = MonotonicNs(10**9)
    geometry = Geometry(64, 48, PixelFormat.BGR24)
    return FrameInfo(Epoch(epoch), Sequence(sequence), at, at, geometry, geometry.size_bytes)


def test_who_asks_for_nothing_gets_a_new_jpeg() -> None:
    options = parse_picture({}, LIMITS)
    assert options.variant == Variant(85)
    assert options.freshness == Freshness()


def test_everything_can_be_asked_for() -> None:
    query = {"format": "webp", "quality": "40", "width": "320", "max_age": "500"}
    options = parse_picture({**query, "after": "5-17", "wait": "60000", "stale": "ok"}, LIMITS)
    webp = Variant(40, width=320, passthrough=False, encoding=Encoding.WEBP)
    assert options.variant == webp
    assert options.freshness == Freshness(500, After(17, 5), 60000, stale=True)


def test_quality_makes_no_difference_where_nothing_is_lost() -> None:
    one, other = (parse_picture({"format": "png", "quality": q}, LIMITS) for q in ("10", "90"))
    assert one.variant == other.variant


def test_pixels_can_be_asked_for_in_some_orders_and_as_a_file() -> None:
    assert parse_raw_picture({}, LIMITS).variant.encoding is Encoding.RAW
    gray = parse_raw_picture({"pixel_format": "gray8", "format": "npy"}, LIMITS)
    assert gray.variant.encoding is Encoding.GRAY8
    assert gray.npy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("max_age", "-1"), ("max_age", "3600001"), ("wait", "60001"), ("wait", "1.5")),
        *(("after", ""), ("after", "x"), ("after", "-1"), ("after", "1-2-3"), ("after", "٣")),
        *(("after", str(2**64)), ("stale", "1"), ("format", "gif"), ("format", "npy")),
    ],
)
def test_wrong_values_are_named(name: str, value: str) -> None:
    with pytest.raises(BadParameters) as error:
        parse_picture({name: value}, LIMITS)
    assert [(p.name, p.value) for p in error.value.problems] == [(name, value)]


@pytest.mark.parametrize(
    ("after", "newest", "waits"),
    [
        (After(7), frame(7), True),
        (After(7), frame(8), False),
        (After(7), frame(6), False),
        (After(7, 5), frame(6), True),
        (After(7, 5), frame(8), False),
        (After(7, 4), frame(2), False),
        (After(0), frame(1), False),
    ],
    ids=["has the newest", "behind", "of a life before", "far ahead", "old", "old life", "none"],
)
def test_who_has_a_frame_waits_only_for_a_later_one_of_the_same_life(
    after: After, newest: FrameInfo, *, waits: bool
) -> None:
    known = after.in_terms_of(newest)
    assert known.precedes(newest) is not waits
    assert known.precedes(frame(100))
    assert known.precedes(frame(1, epoch=6))
