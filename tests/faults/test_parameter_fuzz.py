"""Any parameters, any camera: the API answers with a picture or says what is wrong, never with 500.

How many requests there were, and what was answered, is printed (pytest -s, and with a failure).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.raw_http import exchange
from tests.support.streams import STREAM

if TYPE_CHECKING:
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e]

SOURCE: Final = "pattern://320x240@120"
"""Many frames per second: a snapshot waits for the next one."""
EXPECTED: Final = {200, 400, 404, 429, 503}
KNOWN: Final = ("quality", "width", "height", "fps")
PATHS: Final = (STREAM, f"{STREAM}/frame", "/stream/video", "/stream/video/frame")

NUMBERS: Final = st.one_of(
    st.integers(-2, 120),
    st.integers(),
    st.floats(),
    st.sampled_from(["auto", "1e2", "0x10", "+5", " 5", "5 ", "٣", "1_0", "007", "5.0", "1/2"]),
)
VALUES: Final = st.one_of(NUMBERS.map(str), st.text(max_size=20), st.just(""))
NAMES: Final = st.one_of(
    st.sampled_from([*KNOWN, "advance_headers", "timestamp", "Quality", "q"]), st.text(max_size=8)
)
QUERIES: Final = st.lists(st.tuples(NAMES, VALUES), max_size=5)
CAMERAS: Final = st.text(st.characters(exclude_characters="/"), min_size=1, max_size=12)
QUICK: Final = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def api(service: Services) -> Api:
    return service.both(SOURCE)


def ask(api: Api, target: str) -> tuple[int, dict[str, Any]]:
    """Ask and leave at once; returns the status, and what a problem document says."""
    request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    answer = exchange(api.url, request.encode("ascii"), abort=True, patience_s=15.0)
    assert answer.well_formed
    head, _, body = answer.data.partition(b"\r\n\r\n")
    if b"application/problem+json" not in head:
        return answer.status, {}
    document: dict[str, Any] = json.loads(body)
    assert document["status"] == answer.status
    assert document["detail"]
    return answer.status, document


def encoded(query: list[tuple[str, str]]) -> str:
    return urlencode(query, encoding="utf-8", errors="surrogatepass")


@pytest.mark.timeout(120)
def test_any_query_is_answered_with_a_picture_or_with_what_is_allowed(api: Api) -> None:
    answers: Counter[int] = Counter()

    @QUICK
    @given(st.sampled_from(PATHS), QUERIES)
    def fuzz(path: str, query: list[tuple[str, str]]) -> None:
        code, said = ask(api, f"{path}?{encoded(query)}")
        answers[code] += 1
        assert code in EXPECTED, said
        assert code != 404
        if code != 400:
            return
        first = dict(reversed(query))
        for wrong in said["parameters"]:
            assert wrong["name"] in KNOWN
            assert wrong["value"] == first[wrong["name"]]
            assert re.search(r"from [0-9.]+ to [0-9.]+", wrong["allowed"])
            assert f"{wrong['name']}={wrong['value']!r} is not {wrong['allowed']}" in said["detail"]

    fuzz()
    print(f"{answers.total()} queries: {dict(answers)}")  # noqa: T201
    assert answers[200]
    assert answers[400]
    assert "Traceback" not in api.said()
    assert " ERROR " not in api.said()


@pytest.mark.timeout(120)
def test_a_number_is_taken_or_refused_by_its_range_alone(api: Api) -> None:
    """Stream and snapshot agree, for each parameter alone and at both ends of its range."""
    ranges = {"quality": (1, 100), "width": (1, 7680), "height": (1, 4320), "fps": (1, 60)}

    @QUICK
    @given(st.sampled_from(PATHS), st.sampled_from(sorted(ranges)), st.data())
    def fuzz(path: str, name: str, data: st.DataObject) -> None:
        least, most = ranges[name]
        near = st.one_of(st.integers(least - 2, least + 2), st.integers(most - 2, most + 2))
        number = data.draw(st.one_of(near, st.integers(-(10**12), 10**12)))
        code, _ = ask(api, f"{path}?{name}={number}")
        wanted = {200} if least <= number <= most else {400}
        assert code in wanted | {429, 503}

    fuzz()


@pytest.mark.timeout(120)
def test_any_camera_name_is_known_or_not(api: Api) -> None:
    answers: Counter[int] = Counter()

    @QUICK
    @given(CAMERAS, st.sampled_from(["", "/frame", "/status", "/", "/frame/x"]))
    def fuzz(name: str, rest: str) -> None:
        spelled = quote(name.encode("utf-8", "surrogatepass"), safe="")
        code, said = ask(api, f"/stream/{spelled}{rest}?width=64")
        answers[code] += 1
        assert code in EXPECTED | {308}, said
        if code == 404:
            assert "Known cameras: video" in said["detail"]

    fuzz()
    print(f"{answers.total()} names: {dict(answers)}")  # noqa: T201
    assert "Traceback" not in api.said()
