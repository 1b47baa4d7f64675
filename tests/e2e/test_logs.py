"""What the services say of themselves, as an operator reads it: lines, or JSON for a collector."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from shared.version import version
from tests.support.mjpeg_client import MjpegClient, get
from tests.support.processes import wait_until
from tests.support.streams import STREAM

if TYPE_CHECKING:
    from tests.support.processes import Api, Child, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

CLIENTS = 12


def entries(child: Child) -> list[dict[str, Any]]:
    """The log, every line of which must be one JSON object."""
    return [json.loads(line) for line in child.said().splitlines()]


def of_request(api: Api, request_id: str) -> list[str]:
    return [entry["message"] for entry in entries(api) if entry.get("request_id", "") == request_id]


def test_begin_and_end_of_a_stream_carry_the_id_its_client_was_told(service: Services) -> None:
    api = service.both(logging__format="json")

    def watch(_: int) -> str:
        with MjpegClient(api.url + STREAM) as client:
            list(client.parts(5))
            return client.headers["x-request-id"]

    with ThreadPoolExecutor(CLIENTS) as pool:
        ids = list(pool.map(watch, range(CLIENTS)))
    wait_until(lambda: api.said().count("ended: the client has left") == CLIENTS, "all ends")

    assert len(set(ids)) == CLIENTS
    for request_id in ids:
        begin, end = of_request(api, request_id)
        assert begin.startswith(f"Using shared memory streaming mode: {STREAM} for ")
        assert end.startswith("stream of video ended: the client has left; ")
    shared = [entry for entry in entries(api) if "request_id" not in entry]
    assert any(entry["logger"] == "shared.ring.epochs" for entry in shared), "made for all clients"
    assert all(
        entry.keys() >= {"time", "level", "process", "logger", "message"} for entry in shared
    )


def test_the_access_log_has_the_id_and_what_comes_after_the_answer_has_not(
    service: Services,
) -> None:
    api = service.api(
        logging__format="json", video__shared_memory_attach_timeout_sec=0, logging__level="DEBUG"
    )
    code, headers, body = get(f"{api.url}/nothing")
    assert code == 404
    request_id = json.loads(body)["request_id"]
    assert headers["x-request-id"] == request_id
    wait_until(lambda: of_request(api, request_id) != [], "the access log's line")
    api.wait_for_log("Closing connection")
    [access] = of_request(api, request_id)
    assert '"GET /nothing HTTP/1.0" 404' in access
    closing = [entry for entry in entries(api) if entry["message"].startswith("Closing conn")]
    assert closing
    assert all("request_id" not in entry for entry in closing)


def test_each_service_begins_with_one_block(service: Services) -> None:
    video = service.video()
    block = video.wait_for_log(
        r"services\.video: the Video Module starts\n((?:    .*\n){11})"
    ).group(1)
    facts = dict(re.findall(r"^    (\w+) +(.*)$", block, re.MULTILINE))
    assert facts["version"] == version()
    assert facts["source"] == "pattern://320x240@30"
    assert facts["frame"] == "320x240 BGR24"
    assert facts["ring"].endswith(f"/{service.segment}.ring")
    assert facts["socket"].endswith(f"/{service.segment}.sock")
    assert int(facts["epoch"]) > 0
    assert int(facts["bytes"]) >= int(facts["slots"]) * 320 * 240 * 3

    api = service.api(logging__format="json")
    [start] = [entry for entry in entries(api) if entry["message"] == "the API starts"]
    assert start["url"] == f"{api.url}/"
    assert start["workers"] >= 1
    assert start["authentication"] == "off (api.auth.mode=auto)"
