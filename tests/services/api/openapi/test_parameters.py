from __future__ import annotations

from services.api.openapi.parameters import PICTURE, STREAM, named, parameters
from services.api.variant import PARAMETERS
from shared.settings import Settings


def test_every_parameter_of_a_stream_is_described() -> None:
    assert set(STREAM) <= set(PARAMETERS)
    described = parameters(Settings())
    assert set(PICTURE) <= set(STREAM) <= set(described)
    assert {each["name"] for each in described.values()} >= set(PARAMETERS)


def test_sizes_have_a_default_only_where_the_settings_have_one() -> None:
    size = {"resolution": {"default_height": 480}}
    described = parameters(Settings.model_validate({"api": {"stream": size}}))
    assert described["height"]["schema"]["default"] == 480
    assert "default" not in described["width"]["schema"]


def test_a_parameter_is_named_by_reference() -> None:
    assert named("fps") == ({"$ref": "#/components/parameters/fps"},)
