"""Which camera a Video Module is about."""

from __future__ import annotations

import pytest

from services.video.camera_option import as_written, camera_option, captured_camera
from shared.errors import ConfigError
from shared.settings import load_settings

MANY = load_settings(environ={"RINGCAST_CAMERAS": '{"hall": {"source": "0"}, "door": {}}'})


def test_the_option_is_taken_out_and_the_last_one_counts() -> None:
    arguments = ["a.json", "--camera=x", "--video.source=0", "--camera=y"]
    assert camera_option(arguments) == ("y", ["a.json", "--video.source=0"])
    assert camera_option(["a.json"]) == (None, ["a.json"])


def test_the_default_camera_is_meant_where_none_is_named() -> None:
    assert captured_camera(MANY, None) == "hall"
    assert captured_camera(load_settings(environ={}), None) == "video"


@pytest.mark.parametrize("name", ["attic", "door"])
def test_another_one_is_refused_with_those_that_could_be_meant(name: str) -> None:
    with pytest.raises(ConfigError, match="hall"):
        captured_camera(MANY, name)


def test_a_problem_names_the_key_that_is_to_be_changed() -> None:
    told = ["video.source: is not there", "the rest"]
    assert as_written(told, MANY, "hall") == ["cameras.hall.source: is not there", "the rest"]
    assert as_written(told, load_settings(environ={}), "video") == told
