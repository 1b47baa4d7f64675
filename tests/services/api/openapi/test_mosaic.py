from __future__ import annotations

from services.api.openapi.mosaic import operations, parameters
from shared.settings import Settings


def test_only_the_stream_never_ends() -> None:
    found = operations(Settings(), guarded=False)
    assert [path for path, each in found.items() if each.endless] == ["/stream/mosaic"]


def test_every_address_takes_cameras_and_columns() -> None:
    for path, operation in operations(Settings(), guarded=True).items():
        named = [each["$ref"].rpartition("/")[2] for each in operation.parameters]
        assert named[:2] == ["cameras", "cols"], path
        assert {"404", "429"} <= set(operation.responses), path


def test_the_limit_is_that_of_the_settings() -> None:
    settings = Settings.model_validate({"api": {"mosaic": {"max": 9}}})
    refused = operations(settings, guarded=False)["/stream/mosaic"].responses["429"]
    example = refused["content"]["application/problem+json"]["example"]
    assert "9 are composed already" in example["detail"]
    assert example["setting"] == "api.mosaic.max"


def test_the_example_names_cameras_there_are() -> None:
    described = parameters(["video", "door", "yard", "roof", "hall"])
    assert described["cameras"]["example"] == "video,door,yard,roof"
    assert described["cols"]["schema"]["maximum"] == 16
