"""Faults of a stack in containers: what is wedged is started anew, what is paused is left alone.

Needs a Docker engine: ``tests/e2e/docker/engine.sh up`` brings one.
"""

from __future__ import annotations

import json
import subprocess
import threading
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.docker.stack import build_images, run, running_stack, variables
from tests.support.mjpeg_client import MjpegClient, get
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.docker.stack import Stack
    from tests.support.mjpeg_client import Part

pytestmark = [
    pytest.mark.faults,
    pytest.mark.docker,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(240),
]

HANG_TIMEOUT_S: Final = 3
PAUSE_S: Final = 40.0
"""Longer than any watchdog of either service waits (gunicorn's: 30 s)."""

WEDGE: Final = (
    "import signal, sys, time\n"
    "from services.video.__main__ import leave, main\n"
    "signal.signal(signal.SIGUSR1, lambda *_: time.sleep(3600))\n"
    "leave(main(sys.argv[1:]))\n"
)
"""The Video Module, whose main thread hangs from SIGUSR1 on."""

TELL_ALL: Final = "import os, signal; os.kill(-1, signal.SIGUSR1)"
STOP_A_WORKER: Final = """
import os, pathlib, signal
def parent(pid):
    return int(pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[1])
pids = [int(p.name) for p in pathlib.Path('/proc').iterdir() if p.name.isdigit()]
pids = [p for p in pids if b'gunicorn' in pathlib.Path(f'/proc/{p}/cmdline').read_bytes()]
pids.remove(1)  # the container's init, whose command names what it started
worker = next(pid for pid in pids if parent(pid) in pids)
os.kill(worker, signal.SIGSTOP)
print(worker)
"""


def live_of_another_epoch(client: MjpegClient, epoch: int) -> Part:
    while True:
        part = client.next_part()
        if part.online and part.epoch != epoch:
            return part


def pause(stack: Stack, service: str, seconds: float) -> None:
    """Freeze a container as ``docker pause`` does, for a time that is the test's subject."""
    container = stack.inspect(service)["Id"]
    run(["docker", "pause", container])
    threading.Event().wait(seconds)
    run(["docker", "unpause", container])


def test_a_wedged_video_module_is_started_anew_and_open_streams_resume(tmp_path: Path) -> None:
    build_images()
    override = tmp_path / "wedge.yaml"
    environment = {"RINGCAST_VIDEO__HANG_TIMEOUT_SEC": str(HANG_TIMEOUT_S)}
    video = {"command": ["python", "-c", WEDGE], "environment": environment}
    override.write_text(json.dumps({"services": {"video": video}}), encoding="utf-8")
    with (
        running_stack(str(override), API_WORKERS="1") as stack,
        MjpegClient(stack.url("/stream/video")) as client,
    ):
        before = client.next_part()
        stack.python("video", TELL_ALL)
        live_of_another_epoch(client, before.epoch)
        assert stack.inspect("video")["RestartCount"] == 1
        assert "hangs" in stack.compose("logs", "--no-color", "video")


def test_a_wedged_worker_is_replaced_and_the_other_serves_meanwhile() -> None:
    build_images()
    with running_stack(API_WORKERS="2") as stack:
        worker = stack.python("api", STOP_A_WORKER)
        with MjpegClient(stack.url("/stream/video")) as client:
            list(client.parts(5))
        gone = f"import os; print(os.path.exists('/proc/{worker}'))"
        wait_until(lambda: stack.python("api", gone) == "False", "the wedged worker's end", 90.0)
        wait_until(lambda: get(stack.url("/readyz"))[0] == 200, "frames")
        assert stack.inspect("api")["RestartCount"] == 0


def test_a_paused_stack_goes_on_where_it_was(tmp_path: Path) -> None:
    build_images()
    override = tmp_path / "short.yaml"
    environment = {"RINGCAST_VIDEO__HANG_TIMEOUT_SEC": str(HANG_TIMEOUT_S)}
    services = {"services": {"video": {"environment": environment}}}
    override.write_text(json.dumps(services), encoding="utf-8")
    with (
        running_stack(str(override), API_WORKERS="2") as stack,
        MjpegClient(stack.url("/stream/video"), timeout_s=2 * PAUSE_S) as client,
    ):
        before = client.next_part()
        pause(stack, "api", PAUSE_S)
        assert client.next_part().epoch == before.epoch
        pause(stack, "video", HANG_TIMEOUT_S * 3)
        while not (part := client.next_part()).online or part.number <= before.number:
            continue
        assert part.epoch == before.epoch, "the same life of the writer"
        assert "WORKER TIMEOUT" not in stack.compose("logs", "--no-color", "api")
        for service in ("video", "api"):
            assert stack.inspect(service)["RestartCount"] == 0


def test_an_open_port_without_a_choice_is_refused() -> None:
    image = build_images()["api"]
    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", image],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "nobody has chosen who may see the cameras" in done.stderr
    assert "RINGCAST_API__AUTH__TOKEN" in done.stderr


def test_compose_says_where_the_port_is_published() -> None:
    command = ["docker", "compose", "-f", "compose.yaml", "config", "--format", "json"]
    published = []
    for settings in ({}, {"BIND_ADDR": "0.0.0.0"}):  # noqa: S104 - never bound
        service = json.loads(run(command, env=variables(**settings)))["services"]["api"]
        published.append(service["environment"]["RINGCAST_API__PUBLISHED_HOST"])
        assert service["ports"][0]["host_ip"] == published[-1]
    assert published == ["127.0.0.1", "0.0.0.0"]  # noqa: S104
