"""``python -m services.latency`` on the real thing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "0123456789abcdef"  # noqa: S105 - of this test


def measure(*arguments: str, code: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "services.latency", *arguments, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("query", ["", "?advance_headers=1", "?quality=40&width=160"])
def test_a_stream_is_whole_in_order_and_young(running: Api, query: str) -> None:
    report = measure(running.url + "/stream/video/shm" + query, "--seconds", "1")
    assert report["received"] == report["coded"] > 15
    assert report["torn"] == report["contradicting"] == report["backwards"] == 0
    assert 0 <= report["age_ms"]["p50"] <= report["age_ms"]["p95"] <= report["age_ms"]["max"]
    least, most = report["clock_offset_ms"]
    assert least <= 0 <= most


def test_fewer_frames_on_purpose_are_missing_numbers(running: Api) -> None:
    report = measure(running.url + "/stream/video/shm?fps=5", "--seconds", "2")
    assert report["missing"] > report["received"]
    assert report["repeated"] == 0


def test_a_token_opens_what_is_closed(service: Services) -> None:
    api = service.both(api__auth__token=TOKEN)
    url = api.url + "/stream/video"
    assert measure(url, "--seconds", "1", "--token", TOKEN)["received"] > 0
    assert measure(url.replace("//", f"//any:{TOKEN}@"), "--seconds", "1")["received"] > 0


@pytest.mark.slow
def test_the_end_of_the_server_is_an_early_end(service: Services) -> None:
    api = service.both()
    with subprocess.Popen(
        [sys.executable, "-m", "services.latency", api.url + "/stream/video", "--seconds", "60"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        api.wait_for_log("Using shared memory streaming mode: /stream/video")
        api.stop()
        out, _ = child.communicate(timeout=30)
    assert child.returncode == 1
    assert "It ended early" in out
