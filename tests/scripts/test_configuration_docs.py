"""Tests of scripts/configuration_docs.py."""

from __future__ import annotations

from scripts.configuration_docs import PAGE, models, render, settings, variables


def test_the_page_is_the_one_that_make_docs_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == render()


def test_every_setting_says_what_it_is_for() -> None:
    silent = [
        ".".join(name)
        for key, model in models()
        for name, field in settings(model, key)
        if not (field.description or "").endswith(".")
    ]
    assert silent == []


def test_nested_settings_are_found_under_the_names_of_the_specification() -> None:
    assert "RINGCAST_API__STREAM__QUALITY__DEFAULT_JPEG_QUALITY" in variables()


def test_a_row_shows_type_default_and_range() -> None:
    assert (
        "| `video.ring.slots` | `RINGCAST_VIDEO__RING__SLOTS` | integer | `8` | 2 to 64 |"
        in render()
    )
