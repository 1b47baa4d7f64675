"""What is said of a setting that is wrong, and what was probably meant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shared.errors import ConfigError
from shared.settings import load_settings
from shared.settings_advice import meant, unknown_options, unknown_variables

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("video.shared_memory_nam", "video.shared_memory_name"),
        ("vidoe.source", "video.source"),
        ("slots", "video.ring.slots"),
        ("video.slots", "video.ring.slots"),
        ("api.stream.quality.max_jpeg_qualty", "api.stream.quality.max_jpeg_quality"),
        ("api.limit.max_streams", "api.limits.max_streams"),
        ("prt", "api.port"),
        ("api.prt", "api.port"),
        ("portt", "api.port"),
        ("entirely.different", None),
        ("", None),
    ],
)
def test_a_misspelt_key_means_the_nearest_one(written: str, key: str | None) -> None:
    assert meant(written) == key


def problems(folder: Path, content: object) -> list[str]:
    path = folder / "config.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {})
    return caught.value.problems


@pytest.mark.parametrize(
    "content",
    [
        {"video.shared_memory_nam": "x"},
        {"video": {"shared_memory_nam": "x"}},
    ],
)
def test_dotted_and_nested_keys_of_a_file_are_advised_alike(
    tmp_path: Path, content: object
) -> None:
    assert problems(tmp_path, content) == [
        "video.shared_memory_nam is not a setting; did you mean video.shared_memory_name?"
    ]


def test_a_group_that_is_none_is_named_with_what_was_to_be_set(tmp_path: Path) -> None:
    assert problems(tmp_path, {"api": {"limit": {"max_streams": 3}}}) == [
        "api.limit.max_streams is not a setting; did you mean api.limits.max_streams?"
    ]


def test_what_is_like_nothing_is_sent_to_the_documentation(tmp_path: Path) -> None:
    assert problems(tmp_path, {"video": {"qwertyuiop": 1}}) == [
        "video.qwertyuiop is not a setting; docs/configuration.md lists them all"
    ]


@pytest.mark.parametrize(
    ("level", "advice"), [("WARN", "; did you mean 'WARNING'?"), ("LOUD", ""), (3, "")]
)
def test_a_word_that_is_nearly_an_allowed_one_is_advised(
    tmp_path: Path, level: object, advice: str
) -> None:
    [problem] = problems(tmp_path, {"logging.level": level})
    assert problem.endswith(f"or 'CRITICAL'{advice}")


def test_a_value_that_may_be_a_secret_is_not_shown(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, {"api.auth": "my-secret-token"})
    assert problem == "api.auth: must be a JSON object"


def test_unknown_variables_are_named_with_the_nearest() -> None:
    assert unknown_variables({"RINGCAST_VIDEO_SOURCE": "x", "RINGCAST_CONFIG": "y"}) == [
        (
            "environment variable RINGCAST_VIDEO_SOURCE is not a setting; did you mean "
            "RINGCAST_VIDEO__SOURCE?"
        )
    ]


def test_unknown_options_are_named_with_the_nearest() -> None:
    assert unknown_options(["--video.sources=1", "--api.port=1", "stray"]) == (
        "; did you mean --video.source?"
    )
    assert unknown_options(["--qwertyuiop"]) == ""
