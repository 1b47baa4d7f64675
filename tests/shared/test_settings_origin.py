"""--print-config: what is in force, where it came from, and no secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import ConfigError
from shared.naming import DEFAULT_DIRECTORY
from shared.settings import load_layers
from shared.settings_model import keys
from shared.settings_origin import as_json, as_lines, print_config

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.json"
    path.write_text('{"video": {"use_shared_memory": true}, "api.port": 1}', encoding="utf-8")
    return path


def printed(file: Path, *arguments: str, **environ: str) -> dict[str, dict[str, Any]]:
    document: dict[str, dict[str, Any]] = json.loads(as_json(load_layers(file, environ, arguments)))
    return document


def test_every_setting_is_printed_once_in_both_forms(file: Path) -> None:
    names = [".".join(key) for key, _ in keys()]
    assert list(printed(file)) == names
    lines = as_lines(load_layers(file, {})).splitlines()
    assert [line.split(" ", 1)[0] for line in lines] == names


def test_each_value_says_where_it_came_from(file: Path) -> None:
    shown = printed(
        file,
        "--video.ring.slots=6",
        VIDEO_FILE="clip.mp4",
        LOG_LEVEL="debug",
        RINGCAST_API__PORT="2",
        RINGCAST_VIDEO__RING='{"slots": 5, "reserve_mb": 1}',
    )
    assert {key: shown[key]["origin"] for key in shown if shown[key]["origin"] != "default"} == {
        "video.use_shared_memory": f"file {file}",
        "video.source": "environment VIDEO_FILE, short for RINGCAST_VIDEO__SOURCE",
        "video.ring.slots": "command line --video.ring.slots",
        "video.ring.reserve_mb": "environment RINGCAST_VIDEO__RING",
        "api.port": "environment RINGCAST_API__PORT",
        "logging.level": "environment LOG_LEVEL, short for RINGCAST_LOGGING__LEVEL",
    }
    assert shown["video.ring.slots"]["value"] == 6
    assert shown["video.source"]["value"] == "file:clip.mp4"
    assert shown["api.port"]["value"] == 2
    assert shown["video.shared_memory_directory"]["value"] == str(DEFAULT_DIRECTORY)


def test_the_short_form_that_wins_is_the_one_named(file: Path) -> None:
    shown = printed(file, VIDEO_FILE="a", VIDEO_SOURCE="0")["video.source"]
    assert shown == {
        "value": "0",
        "origin": "environment VIDEO_SOURCE, short for RINGCAST_VIDEO__SOURCE",
    }


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("rtsp://bob:hunter2@cam/live?token=abc", "rtsp://***@cam/live?***"),
        ("rtsp://bob:hun/ter2@cam/live", "rtsp://***@cam/live"),
        ("HTTP://cam:8080/a?key=hunter2", "HTTP://cam:8080/a?***"),
        ("http:bob:hunter2@cam", "http:***@cam"),
        ("/clips/a@b.mp4", "/clips/a@b.mp4"),
        ("pattern://640x480@30", "pattern://640x480@30"),
    ],
)
def test_an_address_is_shown_without_its_secrets(file: Path, source: str, shown: str) -> None:
    assert printed(file, VIDEO_SOURCE=source)["video.source"]["value"] == shown


def test_a_token_is_masked(file: Path) -> None:
    layers = load_layers(file, {"RINGCAST_API__AUTH__TOKEN": "token-0f-everything"})
    for text in (as_lines(layers), as_json(layers)):
        assert "token-0f-everything" not in text
        assert '"***"' in text
    assert printed(file)["api.auth.token"]["value"] is None


def test_nothing_is_printed_unless_asked_for(file: Path) -> None:
    assert print_config(["--video.ring.slots=1"], file) is None
    text = print_config(["--print-config", "--video.ring.slots=9"], file)
    assert text is not None
    assert "video.ring.slots                        = 9 " in text
    assert json.loads(print_config(["--print-config=json"], file) or "")["api.port"]["value"] == 1


def test_wrong_settings_are_problems_here_too(file: Path) -> None:
    with pytest.raises(ConfigError, match="must be 2 to 64"):
        print_config(["--print-config", "--video.ring.slots=1"], file)
