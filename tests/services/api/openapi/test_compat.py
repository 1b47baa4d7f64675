from __future__ import annotations

from services.api.openapi.compat import STATE, operations
from services.api.openapi.parts import VIEW


def test_streams_are_endless_and_tell_the_client_which_it_is() -> None:
    found = operations(guarded=False)
    assert [path for path, operation in found.items() if operation.endless] == ["/stream"]
    assert "Set-Cookie" in found["/stream"].responses["200"]["headers"]


def test_all_is_for_who_may_see_the_pictures() -> None:
    assert {operation.scopes for operation in operations(guarded=True).values()} == {VIEW}


def test_all_fields_of_the_state_are_required() -> None:
    result = STATE["properties"]["result"]
    assert set(result["required"]) == {"instance_id", "encoder", "source", "stream"}
