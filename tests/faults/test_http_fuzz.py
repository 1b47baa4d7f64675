"""Strangers who send anything at all: the API answers or hangs up, and goes on serving the others.

How many inputs there were, and what was answered, is printed (pytest -s, and with a failure).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from services.api.openapi.document import describe
from shared.settings import Settings
from tests.support.garbage import KINDS, garbage
from tests.support.mjpeg_client import EndOfStream, MjpegClient
from tests.support.processes import wait_until
from tests.support.raw_http import exchange
from tests.support.streams import STREAM, assert_never_back, status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.multipart import Part
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.faults, pytest.mark.process, pytest.mark.e2e]

SOURCE: Final = "pattern://320x240@120"
"""Many frames per second: a snapshot waits for the next one."""
SENDERS: Final = 24
LONGEST_WAIT_MS: Final = 100
"""A long poll would take as long as all other requests together."""
CHECKS: Final = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance"),
)
PHASES: Final = "examples,coverage,fuzzing"
DOCUMENTED: Final = {501, 503, 505}
"""The only 5xx a stranger may get: a coding or version that is not spoken, or "not now"."""


@pytest.fixture
def api(service: Services) -> Api:
    api = service.both(SOURCE, api__workers=2, api__mosaic__width=320)  # as small as its cameras
    strangers(api, 100, seed=0)  # what a worker opens on first use is open then
    return api


class Spectator(threading.Thread):
    """An ordinary client beside the strangers; counts its parts and keeps what they say."""

    def __init__(self, api: Api) -> None:
        super().__init__(daemon=True)
        self.parts: list[Part] = []
        self.ended: Exception | None = None
        self._client = MjpegClient(api.url + STREAM + "?fps=20")
        self._leaving = threading.Event()

    def run(self) -> None:
        try:
            while not self._leaving.is_set():
                self.parts.append(self._client.next_part())
        except (EndOfStream, OSError) as error:
            self.ended = error

    def leave(self) -> None:
        self._leaving.set()
        self.join(20.0)
        self._client.close()


@contextlib.contextmanager
def undisturbed(api: Api) -> Iterator[Spectator]:
    """Check that whatever happens inside has no effect on anything that was there before.

    The workers are the same processes with as many descriptors, nothing went wrong by their own
    account, and the stream beside it went on, frame after frame, without an end or a repeat.
    """

    def descriptors() -> int:
        return sum(worker.num_fds() for worker in api.workers())

    workers = {worker.pid for worker in api.workers()}
    wait_until(lambda: status(api)["clients"] == 0, "nobody to watch")
    spectator = Spectator(api)
    spectator.start()
    wait_until(lambda: len(spectator.parts) > 20, "the stream beside it")
    before = descriptors()
    try:
        yield spectator
    except BaseException:
        spectator.leave()
        raise
    seen = len(spectator.parts)
    wait_until(lambda: len(spectator.parts) > seen + 20, "the stream beside it to go on")
    wait_until(lambda: descriptors() <= before, "every descriptor to be given back")
    spectator.leave()
    assert spectator.ended is None
    assert_never_back(spectator.parts)
    frames = [(part.epoch, part.number) for part in spectator.parts]
    assert len(frames) == len(set(frames)), "a part was repeated: the stream stood still"
    assert {worker.pid for worker in api.workers()} == workers
    assert api.answers("/healthz") == 200
    log = api.said()
    assert "Traceback" not in log
    assert " ERROR " not in log


def strangers(api: Api, count: int, seed: int) -> Counter[tuple[str, int]]:
    """Send so much garbage, several at a time; returns how often each kind got each status."""
    answers: Counter[tuple[str, int]] = Counter()

    def send(number: int, kind_and_data: tuple[str, bytes]) -> None:
        kind, data = kind_and_data
        answer = exchange(api.url, data, abort=number % 8 == 0)
        assert answer.well_formed, f"{data[:300]!r} was answered with {answer.data[:100]!r}"
        allowed = answer.status < 500 or answer.status in DOCUMENTED
        assert allowed, f"{data[:300]!r} was answered with {answer.data[:600]!r}"
        answers[kind, answer.status] += 1

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, itertools.count(), garbage(count, seed)))
    return answers


def finite() -> dict[str, Any]:
    """The product's own document without what never ends (``/?action=stream``), or waits long."""
    document = describe(Settings(), "0")
    document["components"]["parameters"]["wait"]["schema"]["maximum"] = LONGEST_WAIT_MS
    document["paths"] = {
        path: item for path, item in document["paths"].items() if "x-endless" not in item["get"]
    }
    page = document["paths"]["/"]["get"]
    page["parameters"] = [each for each in page["parameters"] if "action" not in each["$ref"]]
    return document


def report(answers: Counter[tuple[str, int]], spectator: Spectator) -> None:
    print(f"{answers.total()} inputs; {len(spectator.parts)} parts beside them")  # noqa: T201
    for kind in KINDS:
        codes = {code: n for (its, code), n in sorted(answers.items()) if its == kind}
        print(f"  {kind}: {codes}")  # noqa: T201


@pytest.mark.timeout(120)
def test_garbage_on_the_socket_disturbs_nobody(api: Api) -> None:
    with undisturbed(api) as spectator:
        answers = strangers(api, 2_000, seed=1)
    report(answers, spectator)
    assert answers.total() == 2_000
    assert {kind for kind, _ in answers} == set(KINDS)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_much_garbage_on_the_socket_disturbs_nobody(api: Api) -> None:
    for seed in range(10, 20):
        with undisturbed(api) as spectator:
            answers = strangers(api, 2_000, seed)
        report(answers, spectator)


def test_a_field_named_script_name_changes_nothing(api: Api) -> None:
    """Gunicorn believes it from this machine, where a proxy may be; a wrong one gave 500."""
    request = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nSCRIPT_NAME: /x\r\n\r\n"
    assert exchange(api.url, request, abort=True).status in {200, 400}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_schemathesis_finds_nothing_on_the_finite_endpoints(api: Api, tmp_path: Path) -> None:
    """In a process of its own: its pytest plugin and its settings of hypothesis stay away."""
    schema, events = tmp_path / "openapi.json", tmp_path / "events.ndjson"
    schema.write_text(json.dumps(finite()), encoding="utf-8")
    with undisturbed(api):
        done = subprocess.run(
            [
                *(Path(sys.executable).with_name("schemathesis"), "run", schema),
                *("--url", api.url, "--checks", ",".join(CHECKS), "--phases", PHASES),
                *("--max-examples", "100", "--max-failures", "5", "--request-timeout", "20"),
                *("--seed", "1", "--generation-database", "none", "--no-color", "--workers", "4"),
                *("--report", "ndjson", "--report-ndjson-path", events, "--warnings", "off"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    print(done.stdout[-3000:], done.stderr[-3000:])  # noqa: T201
    assert done.returncode == 0, done.stdout[-6000:]
    generated = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert generated is not None
    assert int(generated[2]) == int(generated[1]) > 300
