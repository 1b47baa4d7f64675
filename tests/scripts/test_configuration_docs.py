"""Tests of scripts/configuration_docs.py."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from scripts.configuration_docs import EXAMPLE, PAGE, example, render, variables
from shared.settings import load_settings
from shared.settings_model import keys

if TYPE_CHECKING:
    from pathlib import Path


def test_the_page_is_the_one_that_make_docs_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == render()


def test_every_setting_says_what_it_is_for() -> None:
    silent = [".".join(key) for key, field in keys() if not (field.description or "").endswith(".")]
    assert silent == []


def test_nested_settings_are_found_under_the_names_of_the_specification() -> None:
    assert "RINGCAST_API__STREAM__QUALITY__DEFAULT_JPEG_QUALITY" in variables()


def test_a_row_shows_key_variable_default_and_range() -> None:
    assert (
        "| `video.ring.slots`<br>`RINGCAST_VIDEO__RING__SLOTS` | `8` | integer, 2 to 64 |"
        in render()
    )


def test_the_page_shows_what_print_config_prints() -> None:
    assert re.search(r"video\.ring\.slots += 12 +command line --video\.ring\.slots\n", render())


def test_the_example_is_the_one_that_make_docs_writes() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == example()


def test_the_example_without_its_comments_is_a_config_json_of_all_defaults(tmp_path: Path) -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    plain = "\n".join(line for line in lines if not line.lstrip().startswith("//"))
    config = tmp_path / "config.json"
    config.write_text(plain, encoding="utf-8")
    empty = tmp_path / "empty.json"
    empty.write_text("{}", encoding="utf-8")
    assert load_settings(config, {}) == load_settings(empty, {})
    document = json.loads(plain)
    for key, _ in keys():
        value = document
        for name in key[:-1]:
            value = value[name]
        assert key[-1] in value
