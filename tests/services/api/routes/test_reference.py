"""The document against the application: routes, parameters, scopes and refusals are as it says."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from werkzeug.datastructures import ImmutableMultiDict

from services.api.access.attempts import LIMIT
from services.api.lifecycle import LARGEST_BODY
from services.api.openapi.parts import Json, openapi_path
from services.api.openapi.readable import resolve
from shared.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from shared.settings import Settings

TOKENS: Final = {
    scope: f"{scope}-{scope}-{scope}-{scope}" for scope in ("view", "metrics", "admin")
}
SIGNED: Final = {"token", "expires"}


@pytest.fixture
def settings(segment_name: str, tmp_path: Path) -> Settings:
    """As in conftest.py, with credentials, and answers at once where there is no camera."""
    config, credentials = tmp_path / "config.json", tmp_path / "credentials"
    config.write_text("{}", encoding="utf-8")
    lines = [f"{scope} token {token}\n" for scope, token in TOKENS.items()]
    credentials.write_text("".join(lines), encoding="utf-8")
    environment = {
        "RINGCAST_VIDEO__SHARED_MEMORY_NAME": segment_name,
        "RINGCAST_VIDEO__USE_SHARED_MEMORY": "true",
        "RINGCAST_VIDEO__SHARED_MEMORY_ATTACH_TIMEOUT_SEC": "0",
        "RINGCAST_API__AUTH__CREDENTIALS_FILE": str(credentials),
    }
    return load_settings(config, environment)


def bearer(scope: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[scope]}"}


@pytest.fixture
def document(http: FlaskClient) -> Json:
    found: Json = http.get("/openapi.json", headers=bearer("metrics")).json or {}
    return found


def operations(document: Json) -> dict[str, Json]:
    """Every operation with its references followed, by an address that can be asked for."""
    found = {}
    for path, item in document["paths"].items():
        operation = resolve(document, item["get"])
        examples = {each["name"]: each.get("example") for each in operation["parameters"]}
        found[re.sub(r"\{(\w+)\}", lambda match: str(examples[match[1]]), path)] = operation  # noqa: B023 - used at once
    return found


def test_every_address_is_in_the_document_and_nothing_else(app: Flask, document: Json) -> None:
    rules = {openapi_path(rule.rule) for rule in app.url_map.iter_rules()}
    assert set(document["paths"]) == rules


def test_every_parameter_that_is_read_is_described_and_no_other(
    app: Flask, http: FlaskClient, document: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: set[str] = set()

    class Recording(ImmutableMultiDict[str, str]):
        """Notes every name it is asked for."""

        def get(self, key: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            read.add(key)
            return super().get(key, *args, **kwargs)

        def __getitem__(self, key: str) -> str:
            read.add(key)
            return super().__getitem__(key)

        def __contains__(self, key: object) -> bool:
            read.add(str(key))
            return super().__contains__(key)

    monkeypatch.setattr(app.request_class, "parameter_storage_class", Recording)
    for address, operation in operations(document).items():
        read.clear()
        with http.get(address, headers=bearer("admin")):
            described = {each["name"] for each in operation["parameters"] if each["in"] == "query"}
        assert read - SIGNED == described, address


def test_every_address_opens_for_the_scopes_that_are_described(
    http: FlaskClient, document: Json
) -> None:
    for address, operation in operations(document).items():
        for scope in TOKENS:
            with http.get(address, headers=bearer(scope)) as answer:
                opened = answer.status_code != 403
            assert opened == (scope in operation.get("x-scopes", TOKENS)), (address, scope)


def refuse(http: FlaskClient, address: str, status: str, client: str) -> TestResponse:
    """Have an address answer a client with one of the refusals."""
    known, tries = bearer("admin"), 1
    ask: dict[str, Any] = {"headers": known, "environ_overrides": {"REMOTE_ADDR": client}}
    match status:
        case "401" | "429":
            ask["headers"] = {"Authorization": "Bearer wrong-wrong-wrong"}
            tries = 1 if status == "401" else LIMIT + 1
        case "403":
            ask["headers"] = bearer("metrics")
        case "405":
            ask["method"] = "POST"
        case "411":
            ask["headers"] = known | {"Transfer-Encoding": "chunked"}
        case "413":
            ask["data"] = bytes(LARGEST_BODY + 1)
        case "421":
            ask["headers"] = known | {"Host": "evil.example"}
    for _ in range(tries - 1):
        http.open(address, **ask).close()
    return http.open(address, **ask)


def test_every_refusal_that_is_described_is_given(http: FlaskClient, document: Json) -> None:
    clients = ipaddress.ip_network("10.0.0.0/16").hosts()
    for address, operation in operations(document).items():
        described = operation["responses"]
        refusals = {"401", "405", "411", "413", "421"} & set(described)
        if operation.get("x-scopes") == ["view", "admin"]:
            refusals.add("403")
        for status in refusals:
            with refuse(http, address, status, str(next(clients))) as answer:
                assert answer.status_code == int(status), (address, status)
                assert answer.content_type in described[status]["content"]
                for name in described[status]["headers"]:
                    assert name in answer.headers, (address, status, name)


def test_wrong_credentials_again_and_again_are_too_many(http: FlaskClient, document: Json) -> None:
    address, operation = next(iter(operations(document).items()))
    answer = refuse(http, address, "429", "10.1.0.1")
    assert answer.status_code == 429
    assert set(operation["responses"]["429"]["headers"]) <= set(answer.headers.keys())


def test_the_reference_needs_nothing_from_elsewhere_and_no_scripts(
    http: FlaskClient, document: Json
) -> None:
    answer = http.get("/docs", headers=bearer("view"))
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    page = answer.text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert all(link.startswith(("/", "#")) for link in links)
    assert not re.search(r"<script|<style|style=|\son\w+=", page)
    for path in document["paths"]:
        assert f"<code>{path}</code>" in page
    identifiers = re.findall(r'\sid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))
    assert {link[1:] for link in links if link.startswith("#")} <= set(identifiers)


def test_the_reference_speaks_of_this_server(http: FlaskClient) -> None:
    page = http.get("/docs", headers=bearer("view") | {"Host": "127.0.0.1:8123"}).text
    assert "http://127.0.0.1:8123/stream/video/frame" in page
