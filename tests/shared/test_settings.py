"""Where settings come from, which source wins, and what every mistake is answered with."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigError
from shared.settings import CONFIG_VARIABLE, Settings, load_layers, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

SLOTS = "RINGCAST_VIDEO__RING__SLOTS"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a config.json."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(*arguments: str, **environ: str) -> Settings:
    return load_settings(None, environ, arguments)


def problems(*arguments: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, environ or {}, arguments)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def config(folder: Path, content: object, name: str = "config.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_defaults_are_those_of_the_specification() -> None:
    settings = load()
    assert settings.video.use_shared_memory is False
    assert settings.video.shared_memory_name == "billiards_video"
    assert settings.video.shared_memory_attach_timeout_sec == 5.0
    assert settings.api.stream.quality.default_jpeg_quality == 85
    assert settings.api.stream.framerate.default_fps == 30
    assert settings.api.port == 8000


def test_file_is_below_environment_is_below_command_line(elsewhere: Path) -> None:
    config(elsewhere, {"video": {"ring": {"slots": 4, "reserve_mb": 1}, "source": "file"}})
    assert load().video.ring.slots == 4
    assert load(**{SLOTS: "5"}).video.ring.slots == 5
    over_all = load("--video.ring.slots=6", **{SLOTS: "5"})
    assert over_all.video.ring.slots == 6
    assert over_all.video.ring.reserve_mb == 1
    assert over_all.video.source == "file"


def test_keys_of_a_file_may_be_dotted_or_nested_or_both(elsewhere: Path) -> None:
    config(
        elsewhere,
        {"video.ring.slots": 4, "video": {"ring": {"reserve_mb": 2}, "file.loop": False}},
    )
    video = load().video
    assert (video.ring.slots, video.ring.reserve_mb, video.file.loop) == (4, 2, False)


def test_the_file_may_be_named_by_argument_or_by_variable(elsewhere: Path) -> None:
    named = config(elsewhere, {"api.port": 1}, "named.json")
    config(elsewhere, {"api.port": 2})
    assert load_settings(named, {}).api.port == 1
    assert load(**{CONFIG_VARIABLE: str(named)}).api.port == 1
    assert load().api.port == 2


def test_the_processs_own_environment_is_read_when_none_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("RINGCAST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(SLOTS, "7")
    assert load_settings().video.ring.slots == 7


@pytest.mark.parametrize(
    ("environ", "source"),
    [
        ({"VIDEO_FILE": "a.mp4"}, "file:a.mp4"),
        ({"VIDEO_FILE": "a.mp4", "VIDEO_SOURCE": "0"}, "0"),
        ({"VIDEO_FILE": "a.mp4", "VIDEO_SOURCE": ""}, "file:a.mp4"),
        ({"VIDEO_SOURCE": "0", "RINGCAST_VIDEO__SOURCE": "rtsp://x"}, "rtsp://x"),
        ({"VIDEO_SOURCE": ""}, "pattern://1920x1080@30"),
        ({"UNRELATED": "x"}, "pattern://1920x1080@30"),
    ],
)
def test_short_forms_of_the_source(environ: dict[str, str], source: str) -> None:
    assert load(**environ).video.source == source


def test_the_log_level_has_a_short_form_in_any_case() -> None:
    assert load(LOG_LEVEL="debug").logging.level == "DEBUG"


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        (SLOTS, "1", "video.ring.slots '1': must be 2 to 64"),
        (SLOTS, "65", "video.ring.slots '65': must be 2 to 64"),
        (SLOTS, "many", "video.ring.slots 'many': must be 2 to 64"),
        ("RINGCAST_API__PORT", "65536", "api.port '65536': must be 0 to 65535"),
        ("RINGCAST_API__PORT", "8000.5", "api.port '8000.5': must be 0 to 65535"),
        (
            "RINGCAST_VIDEO__STALL_TIMEOUT_SEC",
            "0",
            "video.stall_timeout_sec '0': must be more than 0, at most 3600",
        ),
        (
            "RINGCAST_VIDEO__STALL_TIMEOUT_SEC",
            "nan",
            "video.stall_timeout_sec 'nan': must be more than 0, at most 3600",
        ),
        ("RINGCAST_VIDEO__DEVICE__WIDTH", "0", "video.device.width '0': must be 1 to 16384"),
        (
            "RINGCAST_VIDEO__DEVICE__PIXEL_FORMAT",
            "mjpg",
            "video.device.pixel_format 'mjpg': String should match pattern '^[A-Z0-9]{4}$'",
        ),
        (
            "RINGCAST_VIDEO__FILE__LOOP",
            "maybe",
            "video.file.loop 'maybe': must be true or false",
        ),
        (
            "LOG_LEVEL",
            "LOUD",
            "logging.level 'LOUD': should be 'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL'",
        ),
        ("RINGCAST_LOGGING__FORMAT", "xml", "logging.format 'xml': should be 'text' or 'json'"),
        (
            "RINGCAST_VIDEO__SHARED_MEMORY_NAME",
            "a/b",
            (
                "video.shared_memory_name 'a/b': shared memory name 'a/b' is not valid: 1 to 64 "
                "characters of A-Z a-z 0-9 _ . - beginning with a letter or digit"
            ),
        ),
        (
            "RINGCAST_VIDEO__SHARED_MEMORY_DIRECTORY",
            "/" + "d" * 100,
            (
                f"settings: socket path /{'d' * 100}/billiards_video.sock has 122 bytes; the "
                "kernel takes at most 107: choose a shorter directory or name"
            ),
        ),
        ("RINGCAST_VIDEO__RING", "5", "video.ring 5: must be a JSON object"),
        (
            "RINGCAST_API__STREAM__QUALITY__MIN_JPEG_QUALITY",
            "90",
            "api.stream.quality: min_jpeg_quality 90 is above default_jpeg_quality 85",
        ),
        (
            "RINGCAST_API__STREAM__FRAMERATE__MAX_FPS",
            "20",
            "api.stream.framerate: default_fps 30 is above max_fps 20.0",
        ),
        (
            "RINGCAST_VIDEO__RETRY__INITIAL_SEC",
            "60",
            "video.retry: initial_sec 60.0 is above max_sec 30.0",
        ),
        (
            "RINGCAST_API__STREAM__RESOLUTION__DEFAULT_WIDTH",
            "8000",
            "api.stream.resolution: default_width 8000 is above max_width 7680",
        ),
        (
            "RINGCAST_VIDEO__SOURCEX",
            "x",
            (
                "environment variable RINGCAST_VIDEO__SOURCEX is not a setting; did you mean "
                "RINGCAST_VIDEO__SOURCE?"
            ),
        ),
        (
            "RINGCAST_VIDEO__QWERTYUIOP",
            "x",
            (
                "environment variable RINGCAST_VIDEO__QWERTYUIOP is not a setting; "
                "docs/configuration.md lists them all"
            ),
        ),
        (
            "RINGCAST_SLOTS",
            "x",
            (
                "environment variable RINGCAST_SLOTS is not a setting; did you mean "
                "RINGCAST_VIDEO__RING__SLOTS?"
            ),
        ),
        (
            "RINGCAST_QWERTYUIOP",
            "x",
            (
                "environment variable RINGCAST_QWERTYUIOP is not a setting; names begin with one "
                "of RINGCAST_VIDEO__, RINGCAST_API__, RINGCAST_LOGGING__, RINGCAST_CAMERAS__ "
                "(or are RINGCAST_CONFIG)"
            ),
        ),
    ],
)
def test_a_problem_names_key_value_and_what_is_allowed(
    variable: str, value: str, sentence: str
) -> None:
    assert problems(environ={variable: value}) == [sentence]


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("--video.ring.slots=99", "video.ring.slots '99': must be 2 to 64"),
        ("--nope=1", "unrecognized arguments: --nope=1"),
        ("stray", "unrecognized arguments: stray"),
        ("--video.ring.slots", "expected one argument"),
    ],
)
def test_a_wrong_option_is_a_problem(argument: str, sentence: str) -> None:
    [problem] = problems(argument)
    assert sentence in problem


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "is not JSON: "),
        (b"[1]", "must hold a JSON object"),
        (b"\xff\xfe", "cannot be read: "),
    ],
)
def test_a_file_that_is_no_json_object_is_a_problem(
    elsewhere: Path, content: bytes, sentence: str
) -> None:
    (elsewhere / "config.json").write_bytes(content)
    [problem] = problems()
    assert problem.startswith("configuration file config.json ")
    assert sentence in problem


def test_a_named_file_that_is_missing_is_a_problem() -> None:
    [problem] = problems(environ={CONFIG_VARIABLE: "nowhere.json"})
    assert problem.startswith("configuration file nowhere.json cannot be read: ")


def test_all_problems_of_all_sources_are_told_together(elsewhere: Path) -> None:
    config(elsewhere, {"video.ring.slots": 1, "vidoe.source": "x"})
    told = problems("--api.port=-1", environ={"RINGCAST_X": "1", "LOG_LEVEL": "LOUD"})
    keys = [problem.split(" ", 3)[:3] for problem in told]
    assert [key[2] if key[0] == "environment" else key[0] for key in keys] == [
        "RINGCAST_X",
        "video.ring.slots",
        "api.port",
        "logging.level",
        "vidoe.source",
    ]
    assert len(problems("--nope", environ={"RINGCAST_X": "1", "LOG_LEVEL": "LOUD"})) == 5


def test_settings_do_not_change_while_the_program_runs() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().video.ring.slots = 3  # type: ignore[misc]


def slots_or_problems(path: Path | None, environ: dict[str, str]) -> bool:
    """Whether there are valid settings, or at least one problem told."""
    try:
        settings = load_settings(path, environ)
    except ConfigError as error:
        return all(problem.strip() for problem in error.problems) and len(error.problems) > 0
    return 2 <= settings.video.ring.slots <= 64


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
trees = st.recursive(
    values, lambda inner: st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=6
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["video", "api", "logging", "video.ring.slots", "cameras", "cameras.a", "x"]
        ),
        trees,
        max_size=4,
    )
)
def test_any_file_gives_settings_or_a_configuration_error(content: dict[str, Any]) -> None:
    path = Path("any.json")
    path.write_text(json.dumps(content), encoding="utf-8")
    assert slots_or_problems(path, {})


@given(
    st.dictionaries(
        st.sampled_from(
            [SLOTS, "RINGCAST_VIDEO", "RINGCAST_CAMERAS", "RINGCAST_CAMERAS__A", "VIDEO_SOURCE"]
        ),
        st.text(max_size=12),
    )
)
def test_any_environment_gives_settings_or_a_configuration_error(environ: dict[str, str]) -> None:
    assert slots_or_problems(None, environ)


@given(st.integers(-100, 200))
def test_numbers_are_taken_exactly_within_their_range(slots: int) -> None:
    if 2 <= slots <= 64:
        assert load(**{SLOTS: str(slots)}).video.ring.slots == slots
    else:
        assert problems(environ={SLOTS: str(slots)}) == [
            f"video.ring.slots '{slots}': must be 2 to 64"
        ]


def test_the_layers_keep_apart_what_each_source_gave(elsewhere: Path) -> None:
    path = config(elsewhere, {"api.port": 1})
    layers = load_layers(path, {SLOTS: "5"}, ["--video.file.loop=false"])
    assert layers.path == path
    assert layers.file == {"api": {"port": 1}}
    assert layers.environment == {"video": {"ring": {"slots": "5"}}}
    assert layers.arguments == {"video": {"file": {"loop": "false"}}}
    assert layers.settings == load_settings(path, {SLOTS: "5"}, ["--video.file.loop=false"])
