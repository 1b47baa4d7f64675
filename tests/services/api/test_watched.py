from __future__ import annotations

import pytest

from services.api.encoding import Encoding
from services.api.variant import Variant
from services.api.watched import Watched, query_of

DEFAULT = Variant(85)


def test_default_variant_is_always_there_and_does_not_count() -> None:
    watched = Watched(DEFAULT, 1)
    assert watched.begin(Variant(40, passthrough=False))
    assert [watched.begin(DEFAULT) for _ in range(100)] == [True] * 100
    for _ in range(100):
        watched.end(DEFAULT)


def test_one_too_many_is_refused_until_one_is_left_by_its_last_stream() -> None:
    watched = Watched(DEFAULT, 2)
    first, second, third = (Variant(q, passthrough=False) for q in (40, 50, 60))
    assert watched.begin(first)
    assert watched.begin(first)
    assert watched.begin(second)
    assert not watched.begin(third)
    assert watched.begin(first), "those there are can be watched by any number"
    watched.end(second)
    assert watched.begin(third)
    assert not watched.begin(second)
    for _ in range(3):
        watched.end(first)
    assert watched.begin(second)


def test_refusal_names_what_was_asked_the_setting_and_what_there_is() -> None:
    watched = Watched(DEFAULT, 1)
    watched.begin(Variant(40, width=640, passthrough=False))
    error = watched.refusal(Variant(41, passthrough=False))
    assert error.watched == ["quality=40&width=640"]
    assert "?quality=41 " in str(error)
    assert "1 are watched" in str(error)
    assert "api.limits.max_variants" in str(error)


@pytest.mark.parametrize(
    ("variant", "query"),
    [
        (DEFAULT, ""),
        (Variant(85, width=320), "width=320"),
        (Variant(85, 320, 240, passthrough=False), "quality=85&width=320&height=240"),
        (Variant(85).become(Encoding.RAW), "format=multipart"),
        (Variant(85, 320).become(Encoding.I420), "format=y4m&width=320"),
        (Variant(85).become(Encoding.GRAY8), "pixel_format=gray8"),
    ],
)
def test_query_asks_for_the_variant(variant: Variant, query: str) -> None:
    assert query_of(variant) == query


def test_what_another_worker_encodes_is_no_variant_too_many() -> None:
    led = {Variant(50), Variant(51)}
    watched = Watched(DEFAULT, 1, led.__contains__)
    assert watched.begin(Variant(40))
    assert not watched.begin(Variant(60))
    assert watched.begin(Variant(50))
    assert not watched.begin(Variant(51)), "or the other worker could leave us any number"
