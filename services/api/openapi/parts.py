"""What the description is put together from: operations, responses, headers, parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "ADMIN",
    "METRICS",
    "NOBODY",
    "NUMBERS",
    "OPEN",
    "VIEW",
    "Json",
    "Operation",
    "body",
    "header",
    "openapi_path",
    "query",
    "ref",
    "response",
]

Json = dict[str, Any]
"""An object of the document."""

ADMIN: Final = ("admin",)
VIEW: Final = ("view",)
METRICS: Final = ("metrics",)
NUMBERS: Final = ("view", "metrics")
OPEN: Final[tuple[str, ...]] = ()
"""Nothing is needed, but wrong credentials are refused all the same."""
NOBODY: Final = None
"""Credentials are not even looked at."""

_SCHEMES: Final = ("bearer", "basic", "signed")
_ALWAYS: Final = ("405", "411", "413", "421")
_WITH_CREDENTIALS: Final = ("401", "429")
_BY_SCOPE: Final = ("403",)


@dataclass(frozen=True, slots=True)
class Operation:
    """One GET; HEAD and OPTIONS are answered wherever it is.

    Attributes:
        name: Unique, for generated clients.
        tag: The group it stands in.
        summary: A few words.
        description: Sentences.
        responses: What it answers beside what every address does, by status code.
        parameters: Of path and query.
        scopes: Of which each would do, beside ``admin``; OPEN or NOBODY.
        endless: Whoever waits for the end of its body waits for ever.
    """

    name: str
    tag: str
    summary: str
    description: str
    responses: dict[str, Json]
    parameters: tuple[Json, ...] = ()
    scopes: tuple[str, ...] | None = VIEW
    endless: bool = False

    def document(self, *, guarded: bool) -> Json:
        """As a path item.

        Args:
            guarded: Whether credentials are needed at all (``api.auth``).
        """
        refusals = [*_ALWAYS]
        if guarded and self.scopes is not None:
            refusals += [*_WITH_CREDENTIALS, *(_BY_SCOPE if self.scopes else ())]
        responses = {status: ref("responses", f"Refused{status}") for status in refusals}
        described: Json = {
            "operationId": self.name,
            "tags": [self.tag],
            "summary": self.summary,
            "description": self.description,
            "parameters": list(self.parameters),
            "responses": dict(sorted({**responses, **self.responses}.items())),
        }
        if guarded and self.scopes:
            described["security"] = [
                {scheme: [scope]} for scope in self.scopes for scheme in _SCHEMES
            ]
            described["x-scopes"] = [*self.scopes, *ADMIN]
        if self.endless:
            described["x-endless"] = True
        return {"get": described}


def openapi_path(rule: str) -> str:
    """Spell a rule of Flask as OpenAPI does: ``/stream/<camera>`` is ``/stream/{camera}``."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def ref(kind: str, name: str) -> Json:
    """Refer to one of the components, such as ``schemas``, ``Status``."""
    return {"$ref": f"#/components/{kind}/{name}"}


def response(
    description: str,
    content: Json | None = None,
    headers: tuple[str, ...] = (),
    more: dict[str, Json] | None = None,
) -> Json:
    """One answer.

    Args:
        description: When it is given.
        content: From ``body``; None: it has none.
        headers: Names of components.
        more: Further headers, which stand here alone.
    """
    named = {name: ref("headers", name) for name in headers} | (more or {})
    described: Json = {"description": description}
    if named:
        described["headers"] = named
    if content:
        described["content"] = content
    return described


def body(kind: str, schema: Json | None = None, example: object = None) -> Json:
    """The content of an answer.

    Args:
        kind: Its media type.
        schema: What it looks like; None: bytes.
        example: One such.
    """
    described: Json = {"schema": {"type": "string", "format": "binary"}}
    if schema is not None:
        described = {"schema": schema}
    if example is not None:
        described["example"] = example
    return {kind: described}


def header(description: str, schema: Json, *, required: bool = True) -> Json:
    """One header field of an answer."""
    return {"description": description, "required": required, "schema": schema}


def query(name: str, description: str, schema: Json, *, required: bool = False) -> Json:
    """One parameter of the query."""
    return {
        "name": name,
        "in": "query",
        "description": description,
        "required": required,
        "schema": schema,
    }
