"""The feature flag: shared memory mode and legacy mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.mjpeg_client import MjpegClient
from tests.support.processes import wait_until
from tests.support.streams import (
    STREAM,
    assert_telling,
    status,
)

if TYPE_CHECKING:
    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]


def test_flag_routes_the_default_camera_to_shared_memory(running: Api) -> None:
    with MjpegClient(running.url + "/stream/video") as client:
        assert_telling(client.next_part())
    assert "Using shared memory streaming mode" in running.said()
    assert status(running, "/stream/video/status")["mode"] == "shared memory"


def test_legacy_mode_captures_by_itself_and_cleans_up(service: Services) -> None:
    source = {"video__source": "pattern://320x240@30"}
    api = service.api(
        shared_memory=False, video__shared_memory_attach_timeout_sec=0.5, **source
    ).wait_ready()
    capture = [
        child
        for child in psutil.Process(api.process.pid).children(recursive=True)
        if "services.video" in child.cmdline()
    ]
    assert len(capture) == 1
    with MjpegClient(api.url + "/stream/video") as client:
        for part in client.parts(10):
            assert_telling(part)
    assert "Using legacy streaming mode" in api.said()
    assert api.answers(STREAM) == 503, "nobody writes the Video Module's segment"
    assert status(api, "/stream/video/status")["mode"] == "legacy"
    api.stop()
    wait_until(lambda: not capture[0].is_running(), "the embedded capture to end", 5.0)


def test_embedded_capture_does_not_outlive_a_killed_worker(service: Services) -> None:
    api = service.api(shared_memory=False, video__source="pattern://320x240@30").wait_ready()
    worker = api.worker()
    (capture,) = (c for c in worker.children() if "services.video" in c.cmdline())
    worker.kill()
    wait_until(lambda: not capture.is_running(), "the capture to end with its worker", 10.0)
    api.wait_ready()
