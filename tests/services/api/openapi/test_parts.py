from __future__ import annotations

import pytest

from services.api.openapi.parts import (
    NOBODY,
    NUMBERS,
    OPEN,
    Operation,
    body,
    header,
    openapi_path,
    query,
    response,
)


@pytest.mark.parametrize(
    ("scopes", "refused"),
    [(NUMBERS, {"401", "403", "429"}), (OPEN, {"401", "429"}), (NOBODY, set())],
)
def test_an_operation_refuses_by_what_it_needs(
    scopes: tuple[str, ...] | None, refused: set[str]
) -> None:
    operation = Operation("x", "tag", "X", "Does x.", {"200": response("Done.")}, scopes=scopes)
    always = {"200", "405", "411", "413", "421"}
    assert set(operation.document(guarded=True)["get"]["responses"]) == always | refused
    assert set(operation.document(guarded=False)["get"]["responses"]) == always


def test_each_scope_opens_by_each_kind_of_credential() -> None:
    operation = Operation("x", "tag", "X", "Does x.", {}, scopes=NUMBERS)
    described = operation.document(guarded=True)["get"]
    assert {"signed": ["metrics"]} in described["security"]
    assert len(described["security"]) == 6
    assert described["x-scopes"] == ["view", "metrics", "admin"]


def test_a_rule_of_flask_is_spelt_as_openapi_does() -> None:
    assert openapi_path("/static/<path:filename>") == "/static/{filename}"
    assert openapi_path("/stream/<camera>/frame") == "/stream/{camera}/frame"


def test_an_answer_holds_what_was_given_and_no_empty_fields() -> None:
    assert response("Done.") == {"description": "Done."}
    more = {"X-More": header("More.", {"type": "string"}, required=False)}
    described = response("Done.", body("text/plain", example="hi"), ("Allow",), more)
    assert described["content"]["text/plain"]["example"] == "hi"
    assert described["headers"]["Allow"] == {"$ref": "#/components/headers/Allow"}
    assert described["headers"]["X-More"]["required"] is False


def test_a_parameter_says_where_it_stands() -> None:
    described = query("after", "Newer than this.", {"type": "integer"})
    assert (described["in"], described["required"]) == ("query", False)
