from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from services.api.counters import Counters

if TYPE_CHECKING:
    from flask.testing import FlaskClient


def test_every_counter_is_told_in_the_status_and_begins_at_zero(http: FlaskClient) -> None:
    status = http.get("/stream/video/status").json
    assert status is not None
    assert {counter.name: status[counter.name] for counter in fields(Counters)} == {
        counter.name: 0 for counter in fields(Counters)
    }
