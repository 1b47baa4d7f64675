"""Each source alone; how they come together: test_settings.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shared.errors import ConfigError
from shared.settings_sources import (
    long_forms,
    read_arguments,
    read_environment,
    read_file,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_given_nested(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"a.b": 1, "a": {"c.d": 2}}), encoding="utf-8")
    assert read_file(path) == {"a": {"b": 1, "c": {"d": 2}}}
    assert read_file(None) == {}


def test_variables_and_options_are_given_as_text() -> None:
    slots = {"video": {"ring": {"slots": "5"}}}
    assert read_environment({"RINGCAST_VIDEO__RING__SLOTS": "5"}) == slots
    assert read_arguments(["--video.ring.slots=5"]) == slots


def test_an_unknown_option_is_a_problem_with_advice() -> None:
    with pytest.raises(ConfigError, match=r"--video.sources=0; did you mean --video.source\?"):
        read_arguments(["--video.sources=0"])


def test_long_forms_win_over_short_ones() -> None:
    environ = {"VIDEO_FILE": "a", "RINGCAST_VIDEO__SOURCE": "b", "PATH": "/bin", "LOG_LEVEL": ""}
    assert long_forms(environ) == {"RINGCAST_VIDEO__SOURCE": "b"}
    assert long_forms({"VIDEO_FILE": "a"}) == {"RINGCAST_VIDEO__SOURCE": "file:a"}


def test_help_names_every_key_and_how_to_see_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_arguments(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "--print-config" in told.split("options:")[0]
    assert "--video.source" in told
