from __future__ import annotations

import pytest
from pydantic import ValidationError

from shared.settings import Settings
from shared.settings_mosaic import MosaicSettings


def test_defaults_are_a_page_wide_and_half_the_usual_rate() -> None:
    mosaic = Settings().api.mosaic
    assert (mosaic.width, mosaic.fps, mosaic.max) == (1280, 15, 4)


@pytest.mark.parametrize(
    ("name", "value"), [("width", 159), ("width", 7681), ("fps", 0), ("fps", 61), ("max", 0)]
)
def test_what_is_out_of_range_is_refused(name: str, value: int) -> None:
    with pytest.raises(ValidationError, match=name):
        MosaicSettings.model_validate({name: value})
