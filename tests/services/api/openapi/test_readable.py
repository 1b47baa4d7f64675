from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api.openapi.readable import chapters, range_in_words, resolve

if TYPE_CHECKING:
    from services.api.openapi.parts import Json


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 100}, "a whole number from 1 to 100"),
        ({"type": "number", "minimum": 0.5, "maximum": 60}, "a number from 0.5 to 60"),
        ({"anyOf": [{"type": "integer"}, {"const": "auto"}]}, "a whole number, or auto"),
        ({"type": "string", "enum": ["0", "1"]}, "0 or 1"),
        ({"type": ["integer", "null"]}, "a whole number or null"),
        ({"type": "string", "pattern": "^a$"}, "text like ^a$"),
        ({}, "text"),
    ],
)
def test_what_a_schema_allows_is_said_in_words(schema: Json, words: str) -> None:
    assert range_in_words(schema) == words


def test_references_are_followed_to_the_end() -> None:
    document = {
        "components": {"headers": {"A": {"$ref": "#/components/headers/B"}, "B": {"x": 1}}},
        "list": [{"$ref": "#/components/headers/A"}],
    }
    assert resolve(document, document["list"]) == [{"x": 1}]


def test_chapters_hold_every_operation_once_with_nothing_to_look_up(guarded_document: Json) -> None:
    found = chapters(guarded_document)
    operations = [operation for chapter in found for operation in chapter["operations"]]
    assert sorted(operation["path"] for operation in operations) == sorted(
        guarded_document["paths"]
    )
    assert "$ref" not in str(found)
    (stream,) = [each for each in operations if each["path"] == "/stream/{camera}"]
    assert stream["example"] == "/stream/video"
    assert stream["endless"]
    assert stream["scopes"] == ["view", "admin"]
