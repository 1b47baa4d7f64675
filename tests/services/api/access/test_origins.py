from __future__ import annotations

import pytest

from services.api.access.origins import Origins

LISTED = "https://wall.example"


def test_by_default_nothing_is_said() -> None:
    assert Origins([]).headers(LISTED, ["X-Size"]) == {}
    assert Origins([]).preflight(LISTED) is None


def test_a_listed_origin_may_read_with_credentials() -> None:
    assert Origins([LISTED]).headers(LISTED, ["X-Size", "X-Epoch"]) == {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": LISTED,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "X-Size, X-Epoch",
    }


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "*",
        "http://wall.example",
        "https://wall.example:8443",
        "https://wall.example.evil.example",
        "https://evil.example/https://wall.example",
        "https://sub.wall.example",
        "HTTPS://WALL.EXAMPLE",
    ],
)
def test_any_other_origin_may_not(origin: str | None) -> None:
    assert Origins([LISTED]).headers(origin) == {"Vary": "Origin"}
    assert Origins([LISTED]).preflight(origin) is None


def test_with_a_star_everybody_may_but_only_listed_ones_with_credentials() -> None:
    origins = Origins(["*", LISTED])
    stranger = origins.headers("https://evil.example")
    assert stranger == {"Vary": "Origin", "Access-Control-Allow-Origin": "*"}
    assert origins.headers(LISTED)["Access-Control-Allow-Credentials"] == "true"
    assert origins.headers("*")["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in origins.headers("*")


def test_a_preflight_may_send_authorization_and_only_read() -> None:
    answer = Origins([LISTED]).preflight(LISTED)
    assert answer is not None
    assert answer["Access-Control-Allow-Headers"] == "Authorization"
    assert answer["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert answer["Access-Control-Allow-Origin"] == LISTED


@pytest.mark.parametrize(
    ("listed", "origin", "own", "may"),
    [
        ([], None, "http://cam.example/", True),
        ([], "http://cam.example", "http://cam.example/", True),
        ([], "http://cam.example:80", "http://cam.example/", True),
        ([], "https://cam.example", "http://cam.example/", True),
        ([], "http://CAM.example:8000", "http://cam.example:8000/", True),
        ([], "http://cam.example:8001", "http://cam.example:8000/", False),
        ([], "http://cam.example.evil.example", "http://cam.example/", False),
        ([], "null", "http://cam.example/", False),
        ([], "", "http://cam.example/", False),
        ([], "file://", "http://cam.example/", False),
        (["https://friend.example"], "https://friend.example", "http://cam.example/", True),
        (["https://friend.example"], "http://friend.example", "http://cam.example/", False),
        (["*"], "http://evil.example", "http://cam.example/", True),
    ],
)
def test_websocket_may_be_opened_by_our_own_pages_and_those_listed(
    listed: list[str], origin: str | None, own: str, *, may: bool
) -> None:
    assert Origins(listed).may_connect(origin, own) is may
