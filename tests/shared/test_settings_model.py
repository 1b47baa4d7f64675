"""What can be asked about any setting."""

from __future__ import annotations

import pytest

from shared.settings_model import allowed_values, field_at, groups, keys, variable


def test_every_setting_and_every_group_is_found() -> None:
    names = {".".join(key) for key, _ in keys()}
    assert {"video.ring.slots", "api.stream.quality.max_jpeg_quality", "logging.level"} <= names
    assert "video.ring" not in names
    assert ("video", "ring") in {key for key, _ in groups()}
    assert all(field_at(key) is field for key, field in keys())


def test_a_variable_is_spelt_with_two_underscores() -> None:
    assert variable(("video", "ring", "slots")) == "RINGCAST_VIDEO__RING__SLOTS"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (("video", "ring", "slots"), "2 to 64"),
        (("video", "device", "width"), "1 to 16384"),
        (("video", "retry", "max_sec"), "more than 0, at most 3600"),
        (("video", "source"), ""),
        (("video", "ring"), ""),
        (("video", "source", "x"), ""),
        (("nowhere", "x"), ""),
        (("nowhere",), ""),
        ((), ""),
    ],
)
def test_the_allowed_range_of_a_number_in_words(location: tuple[str, ...], words: str) -> None:
    assert allowed_values(location) == words
