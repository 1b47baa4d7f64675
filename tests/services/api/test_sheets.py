from __future__ import annotations

import logging
from typing import Any, Literal

import pytest

from services.api import sheets as module
from services.api.sheets import OTHERS, Sheets

COLUMNS = 3


def words(cells: int, kind: Literal["Q", "d"]) -> memoryview[Any]:
    return memoryview(bytearray(8 * cells)).cast(kind)


@pytest.fixture
def sheets() -> Sheets:
    return Sheets(4, COLUMNS, words)


def test_rows_of_a_camera_are_found_at_every_place_that_has_it(sheets: Sheets) -> None:
    sheets.claim(0, "door")
    for name in ("gate", "door"):
        sheets.claim(3, name)
    sheets.row(0, "door")[1] = 5.0
    sheets.row(3, "door")[1] = 7.0
    sheets.row(3, "gate")[1] = 100.0
    assert sorted(row[1] for row in sheets.rows(0, "door")) == [5.0, 7.0]
    assert [row[1] for row in sheets.rows(3, "gate")] == [100.0]


def test_name_that_is_claimed_again_has_the_row_it_had(sheets: Sheets) -> None:
    sheets.claim(1, "door")
    sheets.row(1, "door")[2] = 9.0
    sheets.claim(1, "door")
    assert sheets.row(1, "door").tolist() == [0.0, 0.0, 9.0]


def test_name_holds_only_once_the_number_of_rows_says_so(sheets: Sheets) -> None:
    """A worker killed in between leaves a name that whoever has the place next writes over."""
    sheets.claim(1, "door")
    sheets._rows[1] = 0  # noqa: SLF001 - as before the last step
    successor = Sheets(4, COLUMNS, words)
    for part in ("_rows", "_names", "_cells"):
        setattr(successor, part, getattr(sheets, part))
    successor.claim(1, "gate-of-the-yard")
    successor.row(1, "gate-of-the-yard")[1] = 1.0
    assert [row[1] for row in successor.rows(1, "gate-of-the-yard")] == [1.0]
    assert successor.rows(0, "door") == []


def test_clients_are_cleared_of_every_camera_and_counters_stay(sheets: Sheets) -> None:
    for name in ("door", "gate"):
        sheets.claim(2, name)
        sheets.row(2, name)[0] = 4.0
        sheets.row(2, name)[1] = 6.0
    sheets.clear_clients(2)
    assert [sheets.row(2, name).tolist() for name in ("door", "gate")] == [[0.0, 6.0, 0.0]] * 2


def test_cameras_beyond_the_last_row_are_counted_as_others_and_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_ROWS", 3)
    monkeypatch.setattr(module, "_UNLISTED_ROWS", 1)
    sheets = Sheets(2, COLUMNS, words)
    for number in range(6):
        sheets.claim(0, f"camera{number}")
    sheets.row(0, "camera4")[1] += 1.0
    sheets.row(0, "camera5")[1] += 1.0
    assert sheets.row(0, OTHERS)[1] == 2.0
    assert sheets.row(0, "camera1")[1] == 0.0
    assert [row[1] for row in sheets.rows(0, "camera3")] == [2.0]
    said = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == 1
    assert "counted as (others)" in said[0].getMessage()


def test_cameras_that_no_list_tells_of_leave_rows_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_UNLISTED_ROWS", 1)
    sheets = Sheets(1, COLUMNS, words)
    for name in ("first", "second"):
        sheets.claim(0, name, listed=False)
    sheets.claim(0, "door")
    sheets.row(0, "second")[1] = 3.0
    sheets.row(0, "door")[1] = 1.0
    assert [sheets.row(0, name)[1] for name in ("first", OTHERS, "door")] == [0.0, 3.0, 1.0]


def test_name_that_has_no_room_is_refused(sheets: Sheets) -> None:
    with pytest.raises(ValueError, match="128 bytes; 127 are the most"):
        sheets.claim(0, "x" * 128)
