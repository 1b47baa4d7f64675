from __future__ import annotations

from services.api.openapi.parts import NOBODY, NUMBERS, OPEN, VIEW
from services.api.openapi.site import operations
from shared.settings import Settings


def test_each_group_is_for_whom_it_is_for() -> None:
    found = operations(Settings(), guarded=True)
    scopes = {path: operation.scopes for path, operation in found.items()}
    assert scopes["/healthz"] is NOBODY
    assert scopes["/readyz"] == OPEN
    assert scopes["/"] == scopes["/static/{filename}"] == VIEW
    assert scopes["/cameras"] == scopes["/openapi.json"] == NUMBERS
