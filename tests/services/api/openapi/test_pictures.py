from __future__ import annotations

from services.api.openapi.pictures import headers, operations
from shared.settings import Settings


def test_only_what_never_ends_is_called_endless() -> None:
    found = operations(Settings(), guarded=False)
    endless = {path for path, operation in found.items() if operation.endless}
    assert {"/stream/{camera}", "/stream/video/shm"} <= endless
    assert not any(path.endswith("/frame") for path in endless)


def test_only_a_named_camera_can_be_an_unknown_one() -> None:
    for path, operation in operations(Settings(), guarded=False).items():
        assert ("404" in operation.responses) == ("{camera}" in path), path


def test_a_checksum_is_no_promise() -> None:
    described = headers()
    assert described["X-Epoch"]["required"]
    assert not described["X-CRC32"]["required"]
