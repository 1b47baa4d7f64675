from __future__ import annotations

import pytest

from services.api.query import BadParameters, Query


def test_everything_wrong_is_named_at_once() -> None:
    query = Query({"size": "-1", "rate": "nan", "form": "gif", "key": "a b", "unknown": "?"})
    assert query.whole("size", 0, 9) is None
    assert query.number("rate", 1, 9) is None
    assert query.choice("form", ("jpeg", "png", "webp")) is None
    assert query.key("key") == ""
    with pytest.raises(BadParameters) as error:
        query.check()
    assert [(p.name, p.value, p.allowed) for p in error.value.problems] == [
        ("size", "-1", "a whole number from 0 to 9"),
        ("rate", "nan", "a number from 1 to 9"),
        ("form", "gif", "jpeg, png or webp"),
        ("key", "a b", "1 to 64 characters of A-Z a-z 0-9 . _ -"),
    ]


def test_what_is_right_is_read() -> None:
    query = Query({"size": "0", "rate": "2.5", "form": "ok", "on": "1", "off": "no"})
    assert query.whole("size", 0, 9) == 0
    assert query.number("rate", 1, 9) == 2.5
    assert query.choice("form", ("ok",)) == "ok"
    assert query.flag("on")
    assert not query.flag("off")
    assert not query.flag("missing")
    assert query.whole("missing", 0, 9) is None
    assert query.choice("missing", ("ok",)) is None
    query.check()


def test_the_only_choice_is_named_alone() -> None:
    query = Query({"stale": "no"})
    query.choice("stale", ("ok",))
    assert query.problems[0].allowed == "ok"
