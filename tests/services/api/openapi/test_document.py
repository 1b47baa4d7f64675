from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

from services.api.openapi.document import describe
from services.api.openapi.readable import resolve
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.api.openapi.parts import Json


def schemas_in(part: Any) -> Iterator[Json]:  # noqa: ANN401 - any part of a JSON document
    if isinstance(part, dict):
        yield from ([part["schema"]] if "schema" in part else [])
        for item in part.values():
            yield from schemas_in(item)
    elif isinstance(part, list):
        for item in part:
            yield from schemas_in(item)


@pytest.mark.parametrize("kind", ["open_document", "guarded_document"])
def test_the_document_is_openapi_3_1(kind: str, request: pytest.FixtureRequest) -> None:
    document = request.getfixturevalue(kind)
    errors = jsonschema_rs.Draft202012Validator(OPENAPI_31).iter_errors(document)
    assert [error.message for error in errors] == []
    # the above leaves schemas unread, and does not follow references
    for schema in schemas_in(resolve(document, document)):
        jsonschema_rs.meta.validate(schema)


@pytest.mark.parametrize("kind", ["open_document", "guarded_document"])
def test_every_component_is_used(kind: str, request: pytest.FixtureRequest) -> None:
    document = request.getfixturevalue(kind)
    text = str(document)
    unused = [
        f"{group}/{name}"
        for group, components in document["components"].items()
        for name in components
        if group != "securitySchemes" and f"#/components/{group}/{name}'" not in text
    ]
    assert unused == []


def test_every_example_is_what_its_schema_says(guarded_document: Json) -> None:
    resolved = resolve(guarded_document, guarded_document)
    examples = 0
    for path, item in resolved["paths"].items():
        for status, response in item["get"]["responses"].items():
            for content in response.get("content", {}).values():
                if "example" in content:
                    jsonschema_rs.validate(content["schema"], content["example"])
                    assert content["example"]["status"] == int(status), path
                    examples += 1
    assert examples > 100


def test_ranges_are_those_of_the_settings() -> None:
    settings = Settings.model_validate(
        {
            "cameras": {"video": {}, "door": {}},
            "api": {
                "stream": {
                    "quality": {"min_jpeg_quality": 20, "max_jpeg_quality": 90},
                    "framerate": {"max_fps": 15, "default_fps": 10},
                    "resolution": {"max_width": 1920, "default_width": 640},
                },
            },
        }
    )
    parameters = describe(settings, "1.2.3")["components"]["parameters"]
    quality = parameters["quality"]["schema"]["anyOf"][0]
    assert (quality["minimum"], quality["maximum"]) == (20, 90)
    fps = parameters["fps"]["schema"]
    assert (fps["maximum"], fps["default"]) == (15, 10)
    width = parameters["width"]["schema"]
    assert (width["maximum"], width["default"]) == (1920, 640)
    assert parameters["camera"]["schema"]["enum"] == ["video", "door"]


def test_cameras_that_come_and_go_are_described_by_what_their_names_look_like() -> None:
    settings = Settings.model_validate({"api": {"discover_cameras": True}})
    parameters = describe(settings, "1.2.3")["components"]["parameters"]
    for name in ("camera", "cameraShown"):
        assert re.fullmatch(parameters[name]["schema"]["pattern"], "front-door")


def test_without_credentials_none_are_spoken_of(
    open_document: Json, guarded_document: Json
) -> None:
    def of(document: Json) -> tuple[set[str], bool]:
        operation = document["paths"]["/stream/{camera}/frame"]["get"]
        return {"401", "403"} & set(operation["responses"]), "security" in operation

    assert of(open_document) == (set(), False)
    assert of(guarded_document) == ({"401", "403"}, True)
    assert "securitySchemes" not in open_document["components"]


def test_the_version_is_the_releases(open_document: Json) -> None:
    assert open_document["info"]["version"] == "1.2.3"
    assert "Deprecation (RFC 9745)" in open_document["info"]["description"]
