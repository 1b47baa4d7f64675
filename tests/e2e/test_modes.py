"""The feature flag: shared memory mode and legacy mode."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.mjpeg_client import EndOfStream, MjpegClient
from tests.support.processes import ROOT, wait_until
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
    assert "Using shared memory streaming mode: /stream/video for 127.0.0.1" in running.said()
    assert status(running, "/stream/video/status")["mode"] == "shared memory"


def test_legacy_mode_captures_by_itself_and_cleans_up(service: Services) -> None:
    source = {"video__source": "pattern://320x240@30"}
    api = service.api(
        shared_memory=False, video__shared_memory_attach_timeout_sec=0.5, **source
    ).wait_ready()
    capture = captures(api.worker())
    assert len(capture) == 1
    with MjpegClient(api.url + "/stream/video") as client:
        for part in client.parts(10):
            assert_telling(part)
    assert "Using legacy streaming mode" in api.said()
    assert api.answers(STREAM) == 503, "nobody writes the Video Module's segment"
    assert status(api, "/stream/video/status")["mode"] == "legacy"
    api.stop()
    wait_until(lambda: not capture[0].is_running(), "the embedded capture to end", 5.0)


def try_by_hand(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the manual script."""
    command = [sys.executable, "tests/manual/test_streaming_endpoints.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=50
    )


def test_manual_script_fails_where_the_mode_it_was_asked_for_is_not_the_services(
    running: Api,
) -> None:
    done = try_by_hand("--mode", "legacy", "--url", running.url, "--duration", "1")
    assert done.returncode == 1
    assert "FAIL  /stream/video is in legacy mode  (shared memory)" in done.stdout


def test_manual_script_passes_against_a_running_service(running: Api) -> None:
    done = try_by_hand("--url", running.url, "--duration", "1", "--clients", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mode shared memory, the same ring" in done.stdout
    assert "legacy streaming: left out" in done.stdout


@pytest.mark.parametrize("quality", ["auto", "40"])
def test_manual_script_tries_the_quality_it_was_asked_for(running: Api, quality: str) -> None:
    done = try_by_hand(
        "--mode=shm", f"--quality={quality}", f"--url={running.url}", "--duration=1", "--clients=1"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"?quality={quality} for 127.0.0.1" in running.said()


def test_manual_script_says_plainly_that_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = try_by_hand("--mode", "shm", "--url", f"http://127.0.0.1:{port}")
    assert done.returncode == 1
    assert f"FAIL  http://127.0.0.1:{port} answers as the API does" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ("--url", "localhost:8000"),
        ("--url", "/stream/video"),
        ("--clients", "0"),
        ("--clients", "two"),
        ("--duration", "0"),
        ("--duration", "nan"),
        ("--duration", "-1"),
        ("--quality", "0"),
        ("--quality", "best"),
    ],
)
def test_manual_script_refuses_arguments_it_cannot_mean(wrong: tuple[str, str]) -> None:
    done = try_by_hand(f"{wrong[0]}={wrong[1]}")
    assert done.returncode == 2
    assert wrong[1] in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.faults
def test_embedded_capture_does_not_outlive_a_killed_worker(service: Services) -> None:
    api = service.api(shared_memory=False, video__source="pattern://320x240@30").wait_ready()
    worker = api.worker()
    (capture,) = captures(worker)
    worker.kill()
    wait_until(lambda: not capture.is_running(), "the capture to end with its worker", 10.0)
    api.wait_ready()


def test_two_workers_serve_one_ring_and_end_together(service: Services) -> None:
    service.video()
    api = service.api(api__workers=2).wait_ready()
    assert len(api.workers()) == 2
    clients = [MjpegClient(api.url + STREAM) for _ in range(8)]
    for client in clients:
        for part in client.parts(5):
            assert_telling(part)
    told: set[int] = set()

    def both_answered() -> bool:
        told.add(status(api)["worker"])
        return told == {worker.pid for worker in api.workers()}

    wait_until(both_answered, "an answer of each worker, by its own name")
    api.signal(signal.SIGTERM)
    for client in clients:
        with pytest.raises(EndOfStream) as end:
            list(client.parts())
        assert end.value.clean
        client.close()
    assert api.wait(timeout_s=4.0) == 0


@pytest.mark.faults
def test_two_workers_share_one_embedded_capture_that_survives_its_workers_death(
    service: Services,
) -> None:
    source = {"video__source": "pattern://320x240@30"}
    api = service.api(shared_memory=False, api__workers=2, **source).wait_ready()
    (owner,) = (worker for worker in api.workers() if captures(worker))
    (other,) = (worker for worker in api.workers() if worker != owner)
    streams = [stream_of(api, other) for _ in range(2)]
    owner.kill()
    for client in streams:
        while client.next_part().online:
            pass
        while not client.next_part().online:
            pass
        assert_telling(client.next_part())
        client.close()
    wait_until(lambda: len(api.workers()) == 2, "the second worker")
    found = [capture for worker in api.workers() for capture in captures(worker)]
    assert len(found) == 1
    assert "another Video Module" not in api.said(), "nobody tried what somebody else had done"
    assert api.stop() == 0
    wait_until(lambda: not found[0].is_running(), "the capture to end with its worker", 5.0)
    assert api.said().count("starting the embedded capture") == 2, "none was started at the end"


def captures(worker: psutil.Process) -> list[psutil.Process]:
    """The embedded captures that a worker has started."""
    return [child for child in worker.children() if "services.video" in child.cmdline()]


def stream_of(api: Api, worker: psutil.Process) -> MjpegClient:
    """A stream that a particular worker serves."""
    found: list[MjpegClient] = []

    def served() -> bool:
        client = MjpegClient(f"{api.url}/stream/video")
        client.next_part()
        here = client.socket.getsockname()[1]
        ends = worker.net_connections("tcp")
        if here in {end.raddr.port for end in ends if end.status == psutil.CONN_ESTABLISHED}:
            found.append(client)
            return True
        client.close()
        return False

    wait_until(served, f"a stream of worker {worker.pid}")
    return found[0]
