from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema_rs

from services.api.openapi.status import STATUS
from tests.support.greenlets import let_run
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from shared.frame import FrameInfo


def check(http: FlaskClient) -> None:
    document = http.get("/stream/video/status").json
    assert document is not None
    assert set(document) == set(STATUS["properties"])
    jsonschema_rs.validate(STATUS, document)


def test_the_status_has_the_fields_that_are_described_and_no_others(
    http: FlaskClient, write: Callable[..., FrameInfo]
) -> None:
    check(http)
    write()

    def ready() -> bool:
        let_run(0.01)
        return http.get("/readyz").status_code == 200

    wait_until(ready, "frames", 10.0)
    check(http)


def test_every_field_is_described() -> None:
    assert all(stated["description"] for stated in STATUS["properties"].values())
