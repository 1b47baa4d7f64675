from __future__ import annotations

from typing import TYPE_CHECKING

from services.api.complaints import Complaints

if TYPE_CHECKING:
    import pytest


def test_reason_is_said_once_while_it_lasts_and_again_when_it_comes_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    complaints = Complaints()
    for reasons in (["full", "full"], ["full", "name"], ["name"], [], ["full"]):
        for reason in reasons:
            complaints.say(reason, f"it is {reason}")
        complaints.end_look()
    assert [record.getMessage() for record in caplog.records] == [
        *("it is full", "it is name", "it is full"),
    ]
