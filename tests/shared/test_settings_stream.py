"""What clients may ask of a stream: the bounds rise, and defaults lie between them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shared.settings_stream import StreamSettings


def test_the_defaults_are_valid() -> None:
    StreamSettings.model_validate(StreamSettings().model_dump())


@pytest.mark.parametrize(
    ("section", "values", "sentence"),
    [
        (
            "quality",
            {"min_jpeg_quality": 90},
            "min_jpeg_quality 90 is above default_jpeg_quality 85",
        ),
        ("framerate", {"max_fps": 20}, "default_fps 30 is above max_fps 20"),
        (
            "resolution",
            {"default_width": 800, "max_width": 640},
            "default_width 800 is above max_width 640",
        ),
    ],
)
def test_a_default_outside_of_its_bounds_is_refused(
    section: str, values: dict[str, int], sentence: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        StreamSettings.model_validate({section: values})
    assert sentence in str(refused.value)
