"""``cameras``: entries laid over ``video``, from every source, and all their problems together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import ConfigError
from shared.settings import Settings, load_layers, load_settings
from shared.settings_cameras import merge
from shared.settings_origin import as_json, as_lines

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "pass-of-nobody"  # noqa: S105 - of nobody
DOOR = '{"door": {"source": "v4l2:/dev/video0", "ring": {"slots": 4}}}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.json"
    path.write_text("{}", encoding="utf-8")
    return path


def load(
    file: Path, content: dict[str, Any] | None = None, *arguments: str, **environ: str
) -> Settings:
    file.write_text(json.dumps(content or {}), encoding="utf-8")
    return load_settings(file, environ, arguments)


def problems(
    file: Path, content: dict[str, Any] | None = None, *arguments: str, **environ: str
) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(file, content, *arguments, **environ)
    return caught.value.problems


def test_objects_are_laid_into_each_other_and_values_over_each_other() -> None:
    assert merge({"a": {"b": 1, "c": 2}, "d": 1}, {"a": {"b": 3}, "d": {"e": 1}}) == {
        "a": {"b": 3, "c": 2},
        "d": {"e": 1},
    }


def test_without_cameras_there_is_the_one_of_video(file: Path) -> None:
    settings = load(file)
    assert settings.camera_segments() == {"video": "billiards_video"}
    assert settings.captured() == ["video"]
    assert settings.for_camera("video") == settings


def test_an_entry_is_laid_over_video_setting_by_setting(file: Path) -> None:
    content = {
        "video": {"ring": {"slots": 6, "reserve_mb": 1}, "source": "0", "passthrough": False},
        "cameras.door": {"ring.slots": 4, "source": "1", "device": {"fps": 10}},
    }
    door = load(file, content).for_camera("door").video
    assert (door.ring.slots, door.ring.reserve_mb) == (4, 1)
    assert (door.source, door.passthrough, door.device.fps) == ("1", False, 10)
    assert door.shared_memory_name == "door"


def test_the_cameras_are_exactly_those_of_the_entries_in_order(file: Path) -> None:
    settings = load(file, {"cameras": {"yard": {"source": "0"}, "door": {"source": "1"}}})
    assert settings.camera_segments() == {"yard": "yard", "door": "door"}


def test_a_camera_without_a_source_is_one_that_somebody_else_writes(file: Path) -> None:
    content = {"video.source": "0", "cameras": {"yard": {}, "door": {"source": "1"}, "video": {}}}
    assert load(file, content).captured() == ["door", "video"]


def test_an_entry_named_video_has_the_segment_and_the_source_of_video(file: Path) -> None:
    content = {
        "video": {"source": "0", "shared_memory_name": "mine"},
        "cameras": {"video": {"ring.slots": 4}},
    }
    video = load(file, content).for_camera("video").video
    assert (video.source, video.shared_memory_name, video.ring.slots) == ("0", "mine", 4)


def test_a_camera_that_is_not_there_is_named_with_those_that_are(file: Path) -> None:
    settings = load(file, {"cameras": {"yard": {}, "door": {}}})
    with pytest.raises(ConfigError, match="there is no camera 'video'; there are: yard, door"):
        settings.for_camera("video")


def test_cameras_are_never_captured_by_the_api_itself(file: Path) -> None:
    assert load(file).legacy
    assert not load(file, {"cameras": {"door": {}}}).legacy
    assert not load(file, {"video.use_shared_memory": True}).legacy


def test_every_source_may_name_cameras_and_is_laid_over_those_before_it(file: Path) -> None:
    settings = load(
        file,
        {"cameras": {"door": {"source": "0", "ring": {"slots": 3, "reserve_mb": 2}}}},
        "--cameras.door.ring.slots=5",
        '--cameras={"hall": {"source": "2"}}',
        RINGCAST_CAMERAS='{"door": {"ring.slots": 4}, "yard": {"source": "1"}}',
        RINGCAST_CAMERAS__YARD__DEVICE__WIDTH="640",
    )
    door, yard = settings.cameras["door"], settings.cameras["yard"]
    assert (door.source, door.ring.slots, door.ring.reserve_mb) == ("0", 5, 2)
    assert (yard.source, yard.device.width) == ("1", 640)
    assert settings.captured() == ["door", "yard", "hall"]


@pytest.mark.parametrize(
    ("content", "sentences"),
    [
        ({"cameras": 5}, ["cameras: must be a JSON object"]),
        (
            {"cameras": {"a b": {}}},
            ["cameras: camera name 'a b' is not valid: 1 to 64 characters of A-Z a-z 0-9 _ -"],
        ),
        (
            {"cameras": {"mosaic": {}}},
            [
                (
                    "cameras: camera name 'mosaic' is taken: /stream/mosaic shows several "
                    "cameras in one picture; choose another name"
                )
            ],
        ),
        (
            {"cameras": {"a": {"shared_memory_name": "b"}, "b": {}}},
            ["cameras.b.shared_memory_name 'b': is that of cameras.a; every camera needs its own"],
        ),
        (
            {"cameras": {"billiards_video": {}, "video": {}}},
            [
                (
                    "cameras.video.shared_memory_name 'billiards_video': is that of "
                    "cameras.billiards_video; every camera needs its own"
                )
            ],
        ),
        (
            {"cameras": {"a": {"shared_memory_directory": "/x", "use_shared_memory": True}}},
            [
                (
                    "cameras.a.use_shared_memory is one for all cameras; set "
                    "video.use_shared_memory instead"
                ),
                (
                    "cameras.a.shared_memory_directory is one for all cameras; set "
                    "video.shared_memory_directory instead"
                ),
            ],
        ),
        (
            {"cameras": {"a": {"ring.slots": 65}}},
            ["cameras.a.ring.slots 65: must be 2 to 64"],
        ),
        (
            {"cameras": {"a": {"retry.initial_sec": 60}}},
            ["cameras.a.retry: initial_sec 60.0 is above max_sec 30.0"],
        ),
        (
            {"cameras": {"a": {"srce": "x", "ring": {"slot": 3}}}},
            [
                "cameras.a.ring.slot is not a setting; did you mean cameras.a.ring.slots?",
                "cameras.a.srce is not a setting; did you mean cameras.a.source?",
            ],
        ),
        (
            {"cameras.a.port": 1},
            ["cameras.a.port is not a setting; docs/configuration.md lists them all"],
        ),
        (
            {"camera": {"a": {"source": "x"}}},
            ["camera.a.source is not a setting; did you mean cameras.a.source?"],
        ),
        (
            {
                "video.ring.slots": 1,
                "video.bogus": 1,
                "cameras": {"a": {}, "b": {"passthrough": 5}},
            },
            [
                "video.ring.slots 1: must be 2 to 64",
                "video.bogus is not a setting; docs/configuration.md lists them all",
                "cameras.b.passthrough 5: must be true or false",
            ],
        ),
    ],
)
def test_a_problem_of_a_camera_is_told_once_where_it_was_written(
    file: Path, content: dict[str, Any], sentences: list[str]
) -> None:
    assert problems(file, content) == sentences


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("RINGCAST_CAMERAS", '{"a":', "cameras: must be a JSON object"),
        (
            "RINGCAST_CAMERAS__A__SRCE",
            "x",
            (
                "environment variable RINGCAST_CAMERAS__A__SRCE is not a setting; did you mean "
                "RINGCAST_CAMERAS__A__SOURCE?"
            ),
        ),
        (
            "RINGCAST_CAMERA",
            "{}",
            "environment variable RINGCAST_CAMERA is not a setting; did you mean RINGCAST_CAMERAS?",
        ),
    ],
)
def test_a_problem_of_a_variable_is_told(
    file: Path, variable: str, value: str, sentence: str
) -> None:
    assert problems(file, {}, **{variable: value}) == [sentence]


def test_problems_of_the_command_line_are_told(file: Path) -> None:
    assert problems(file, {}, "--cameras.a.source") == [
        "command line: --cameras.a.source needs =VALUE"
    ]
    [misspelt] = problems(file, {}, "--camera.a.source=1")
    assert misspelt.endswith("; did you mean --cameras.a.source?")


@pytest.mark.parametrize("content", [{"api.cameras": {"door": "door_ring"}}, None])
def test_the_setting_of_earlier_releases_says_what_to_write(
    file: Path, content: dict[str, Any] | None
) -> None:
    environ = {} if content else {"RINGCAST_API__CAMERAS": '{"door": "door_ring"}'}
    [problem] = problems(file, content, *(), **environ)
    assert problem.startswith("api.cameras is now cameras, and lists all cameras")
    written = problem.partition(" write ")[2].partition(" (as a variable")[0]
    assert load(file, json.loads(written)).camera_segments() == {
        "video": "billiards_video",
        "door": "door_ring",
    }


@pytest.mark.parametrize(
    "content",
    [
        {"cameras": {"a": f"rtsp://user:{SECRET}@h/"}},
        {"cameras": f"rtsp://user:{SECRET}@h/"},
        {"cameras": {"a": {"srce": f"rtsp://user:{SECRET}@h/"}}},
        {"cameras": {"a": {"source": {"url": f"rtsp://user:{SECRET}@h/"}}}},
    ],
)
def test_no_problem_shows_the_secret_of_an_address(file: Path, content: dict[str, Any]) -> None:
    assert SECRET not in "".join(problems(file, content))


def test_an_address_is_hidden_wherever_settings_are_shown(file: Path) -> None:
    address = f"rtsp://user:{SECRET}@192.0.2.7/live?key={SECRET}"
    layers = load_layers(file, {"RINGCAST_CAMERAS__DOOR__SOURCE": address})
    assert layers.settings.cameras["door"].source == address
    assert SECRET not in f"{layers.settings!r}{as_lines(layers)}{as_json(layers)}"
    assert '"rtsp://***@192.0.2.7/live?***"' in as_lines(layers)


def test_each_value_of_a_camera_says_where_it_came_from(file: Path) -> None:
    file.write_text('{"video.retry.max_sec": 9, "cameras.yard": {}}', encoding="utf-8")
    environ = {"RINGCAST_CAMERAS": DOOR, "RINGCAST_CAMERAS__DOOR__FILE__LOOP": "no"}
    arguments = ["--cameras.door.passthrough=false"]
    shown = json.loads(as_json(load_layers(file, environ, arguments)))
    assert "cameras" not in shown
    assert {
        key.removeprefix("cameras."): shown[key]["origin"]
        for key in shown
        if key.startswith("cameras.") and not shown[key]["origin"].endswith(": default")
    } == {
        "yard.shared_memory_name": "named like the camera",
        "yard.source": "none: somebody else writes it",
        "yard.retry.max_sec": f"video.retry.max_sec: file {file}",
        "door.shared_memory_name": "named like the camera",
        "door.source": "environment RINGCAST_CAMERAS",
        "door.passthrough": "command line --cameras.door.passthrough",
        "door.ring.slots": "environment RINGCAST_CAMERAS",
        "door.file.loop": "environment RINGCAST_CAMERAS__DOOR__FILE__LOOP",
        "door.retry.max_sec": f"video.retry.max_sec: file {file}",
    }
    assert shown["cameras.yard.source"]["value"] is None
    assert shown["cameras.yard.ring.reserve_mb"]["origin"] == "video.ring.reserve_mb: default"
    assert shown["cameras.door.passthrough"]["value"] is False
