"""``python -m services.api`` as its operator meets it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from services.api.__main__ import main

if TYPE_CHECKING:
    import pytest


def test_prints_the_settings_in_force(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RINGCAST_API__PORT", "81")
    assert main(["--print-config=json"]) == 0
    shown = json.loads(capsys.readouterr().out)["api.port"]
    assert shown == {"value": 81, "origin": "environment RINGCAST_API__PORT"}


def test_wrong_settings_are_told_with_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RINGCAST_API__PROT", "81")
    assert main(["--print-config"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "ringcast: environment variable RINGCAST_API__PROT is not a setting; did you mean "
        "RINGCAST_API__PORT?\n"
    )


def test_says_otherwise_how_the_api_is_started(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "gunicorn -c services/api/gunicorn.conf.py" in capsys.readouterr().err
