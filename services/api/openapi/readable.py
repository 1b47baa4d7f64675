"""The description as people read it, for ``/docs``: references followed, ranges in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from services.api.openapi.parts import Json

__all__ = ["chapters", "range_in_words", "resolve"]

_NO_SIZE: Final = {"string": "text", "integer": "a whole number", "number": "a number"}


def resolve(document: Json, part: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """Copy a part of the document with every reference in it followed."""
    if isinstance(part, list):
        return [resolve(document, item) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        found: Any = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return resolve(document, found)
    return {name: resolve(document, item) for name, item in part.items()}


def range_in_words(schema: Json) -> str:
    """What a schema allows, in words: ``a whole number from 1 to 100, or auto``."""
    if "anyOf" in schema:
        return ", or ".join(range_in_words(option) for option in schema["anyOf"])
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    kinds = schema.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    words = " or ".join(_NO_SIZE.get(kind, kind) for kind in kinds)
    if "minimum" in schema and "maximum" in schema:
        return f"{words} from {schema['minimum']:g} to {schema['maximum']:g}"
    if "pattern" in schema:
        return f"{words} like {schema['pattern']}"
    return words


def chapters(document: Json) -> list[Json]:
    """The operations in groups, each with what a template needs, nothing left to look up."""
    operations = [
        _operation(path, resolve(document, item["get"])) for path, item in document["paths"].items()
    ]
    return [
        {**tag, "operations": [each for each in operations if each["tag"] == tag["name"]]}
        for tag in document["tags"]
    ]


def _operation(path: str, operation: Json) -> Json:
    parameters = operation["parameters"]
    example = path
    for parameter in parameters:
        if parameter["in"] == "path":
            example = example.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    return {
        "id": operation["operationId"],
        "tag": operation["tags"][0],
        "path": path,
        "example": example,
        "summary": operation["summary"],
        "description": operation["description"],
        "deprecated": operation.get("deprecated", False),
        "endless": operation.get("x-endless", False),
        "scopes": operation.get("x-scopes", []),
        "parameters": [
            {
                **{name: parameter[name] for name in ("name", "in", "description", "required")},
                "allowed": range_in_words(parameter["schema"]),
                "default": parameter["schema"].get("default"),
            }
            for parameter in parameters
        ],
        "responses": [
            _response(status, response) for status, response in operation["responses"].items()
        ],
    }


def _response(status: str, response: Json) -> Json:
    contents = response.get("content", {})
    examples = [content["example"] for content in contents.values() if "example" in content]
    return {
        "status": status,
        "description": response["description"],
        "kinds": list(contents),
        "headers": [
            {"name": name, "allowed": range_in_words(header["schema"]), **header}
            for name, header in response.get("headers", {}).items()
        ],
        "example": json.dumps(examples[0], indent=2, ensure_ascii=False) if examples else "",
    }
