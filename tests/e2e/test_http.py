"""Everything about the API but the stream itself: answers, refusals, errors."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from shared.frame_code import read_codes
from tests.support.mjpeg_client import MjpegClient, get
from tests.support.processes import wait_until
from tests.support.streams import (
    STREAM,
    assert_telling,
    picture,
    status,
)

if TYPE_CHECKING:
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]


def test_snapshot_is_newer_than_the_request(running: Api) -> None:
    for path in ("/stream/video/frame", "/stream/video/shm/frame"):
        asked_at = time.time()
        code, headers, body = get(running.url + path)
        assert code == 200
        assert headers["content-type"] == "image/jpeg"
        assert headers["cache-control"] == "no-store"
        assert int(headers["content-length"]) == len(body)
        assert float(headers["x-timestamp"]) >= asked_at - 0.01
        top, bottom = read_codes(picture(body))
        assert top is not None
        assert top == bottom
        assert top.sequence == int(headers["x-frame-number"])


def test_status_tells_what_is_going_on(running: Api) -> None:
    with MjpegClient(running.url + STREAM) as client:
        list(client.parts(5))
        told = status(running)
    assert told["online"] is True
    assert told["condition"] == "live"
    assert told["source"] == "pattern://320x240@30"
    assert (told["width"], told["height"], told["pixel_format"]) == (320, 240, "BGR24")
    assert 24 <= told["fps"] <= 36
    assert told["clients"] >= 1
    assert 0 <= told["age_ms"] < 3000
    assert told["frame_number"] > 0
    assert int(told["epoch"]) > 0


def test_head_and_options_are_answered_and_other_methods_refused(running: Api) -> None:
    for path in (STREAM, "/stream/video", "/stream/video/frame"):
        code, _, body = get(running.url + path, method="HEAD")
        assert (code, body) == (200, b"")
        code, headers, _ = get(running.url + path, method="OPTIONS")
        assert code == 200
        assert {"GET", "HEAD", "OPTIONS"} <= set(re.split(r",\s*", headers["allow"]))
        code, headers, body = get(running.url + path, method="POST")
        assert code == 405
        assert "GET" in headers["allow"]
        assert json.loads(body)["status"] == 405
    wait_until(lambda: status(running)["clients"] == 0, "no client: HEAD opens no stream", 2.0)


@pytest.mark.parametrize(
    ("query", "name", "value", "allowed"),
    [
        ("quality=0", "quality", "0", "1 to 100"),
        ("quality=101", "quality", "101", "1 to 100"),
        ("quality=high", "quality", "high", "1 to 100"),
        ("quality=", "quality", "", "1 to 100"),
        ("quality=85.5", "quality", "85.5", "1 to 100"),
        ("fps=0", "fps", "0", "1 to 60"),
        ("fps=61", "fps", "61", "1 to 60"),
        ("fps=-5", "fps", "-5", "1 to 60"),
        ("fps=nan", "fps", "nan", "1 to 60"),
        ("fps=inf", "fps", "inf", "1 to 60"),
        ("width=0", "width", "0", "1 to 7680"),
        ("height=99999", "height", "99999", "1 to 4320"),
    ],
)
def test_wrong_values_are_refused_with_value_and_range(
    running: Api, query: str, name: str, value: str, allowed: str
) -> None:
    for path in (STREAM, "/stream/video/frame"):
        code, headers, body = get(f"{running.url}{path}?{query}")
        assert code == 400
        assert headers["content-type"] == "application/problem+json"
        problem = json.loads(body)
        assert problem["status"] == 400
        assert name in problem["detail"]
        assert repr(value) in problem["detail"]
        assert allowed in problem["detail"]


def test_unknown_camera_is_told_the_known_ones(running: Api) -> None:
    for path in ("/stream/garage", "/stream/garage/frame", "/stream/garage/status", "/nothing"):
        code, headers, body = get(running.url + path)
        assert code == 404
        assert headers["content-type"] == "application/problem+json"
        assert json.loads(body)["cameras"] == ["video"]


@pytest.mark.parametrize("path", ["/stream/video/shm", "/stream/video", "/stream/video/shm/frame"])
def test_without_video_module_the_answer_says_how_to_start_it(service: Services, path: str) -> None:
    api = service.api(video__shared_memory_attach_timeout_sec=0.6)
    for _ in range(2):
        code, headers, body = get(api.url + path)
        assert code == 503
        assert headers["content-type"] == "application/problem+json"
        assert int(headers["retry-after"]) >= 1
        assert json.loads(body)["detail"] == (
            "Video Module is not running. Start it with: python -m services.video"
        )
    assert api.answers("/healthz") == 200
    assert api.answers("/readyz") == 503
    assert status(api)["online"] is False


def test_request_within_the_attach_timeout_waits_for_the_video_module(service: Services) -> None:
    api = service.api(video__shared_memory_attach_timeout_sec=30)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(MjpegClient, api.url + STREAM, timeout_s=30.0)
        service.video()
        with waiting.result() as client:
            assert_telling(client.next_part())


def test_wrong_settings_are_all_named_and_end_with_code_2(service: Services) -> None:
    with pytest.raises(AssertionError, match="ended with 2") as failure:
        service.api(api__port=99999999, api__stream__quality__default_jpeg_quality=0)
    assert "api.port" in str(failure.value)
    assert "api.stream.quality.default_jpeg_quality" in str(failure.value)
