"""Every setting says what it is for and what it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, ValidationError

from shared.settings import Settings, allowed_values
from shared.settings_schema import LoggingSettings, VideoSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo


def fields(
    section: type[BaseModel] = Settings, above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Yield every setting with the names on the way to it."""
    for name, field in section.model_fields.items():
        here = (*above, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation, here)
        else:
            yield here, field


ALL = dict(fields())


@pytest.mark.parametrize("location", ALL, ids=".".join)
def test_every_setting_is_described_in_a_sentence(location: tuple[str, ...]) -> None:
    description = ALL[location].description
    assert description
    assert description.endswith(".")


@pytest.mark.parametrize(
    "location", [where for where, field in ALL.items() if field.annotation in (int, float)]
)
def test_every_number_has_a_range_and_a_default_within_it(location: tuple[str, ...]) -> None:
    assert allowed_values(location)


def test_the_defaults_are_valid() -> None:
    for section in (VideoSettings, LoggingSettings):
        section.model_validate(section().model_dump())


def test_a_level_that_is_no_text_is_refused() -> None:
    with pytest.raises(ValidationError):
        LoggingSettings.model_validate({"level": 10})
