"""Compose "isolated": a memory of the stack's own, and nothing of it on the host.

The same is done to it as to the pod (test_pod.py). Needs a Docker engine:
``tests/e2e/docker/engine.sh up`` brings one.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.docker.stack import Stack, build_images, run, running_stack
from tests.e2e.test_containers import ISOLATED, check_picture, wait_for_another_epoch
from tests.support.mjpeg_client import EndOfStream, MjpegClient, get
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.docker,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(240),
]

MEMORY_MIB: Final = 192
LOOK: Final = (
    "import json, os; s = os.statvfs('/dev/shm'); "
    "print(json.dumps([s.f_blocks * s.f_frsize, sorted(os.listdir('/dev/shm'))]))"
)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """``docker compose -f compose.yaml -f compose.isolated.yaml up``."""
    build_images()
    with running_stack(ISOLATED, SHM_SIZE=f"{MEMORY_MIB}m") as it:
        yield it


def look(stack: Stack, service: str) -> tuple[int, list[str]]:
    """Size, bytes, of /dev/shm as a container has it, and the names in it."""
    size_bytes, names = json.loads(stack.python(service, LOOK))
    return size_bytes, names


def test_it_streams_out_of_a_memory_of_its_own(stack: Stack) -> None:
    with MjpegClient(stack.url("/stream/video")) as client:
        parts = list(client.parts(30))
        for part in parts:
            check_picture(part)
        numbers = [part.number for part in parts]
        assert numbers == sorted(set(numbers))
        size_bytes, names = look(stack, "video")
        assert (size_bytes, names) == look(stack, "api")
    assert size_bytes == MEMORY_MIB * 2**20
    assert {f"{stack.segment}.{end}" for end in ("ring", "lock", "sock")} <= set(names)
    assert stack.left_in_shared_memory() == {}


def test_open_stream_resumes_after_video_was_killed(stack: Stack) -> None:
    with MjpegClient(stack.url("/stream/video")) as client:
        before = list(client.parts(10))[-1]
        stack.crash("video")
        after = wait_for_another_epoch(client, before.epoch)
        for part in [after, *client.parts(10)]:
            check_picture(part)
            assert part.epoch == after.epoch
    assert stack.inspect("video")["RestartCount"] == 1
    assert stack.inspect("api")["RestartCount"] == 0


def test_api_that_was_killed_comes_back_to_the_same_ring(stack: Stack) -> None:
    with MjpegClient(stack.url("/stream/video")) as client:
        before = list(client.parts(10))[-1]
        stack.crash("api")
        with pytest.raises(EndOfStream):
            list(client.parts())
    wait_until(lambda: stack.inspect("api")["RestartCount"] == 1, "the API's restart")
    stack.up()
    wait_until(lambda: get(stack.url("/readyz"))[0] == 200, "frames (/readyz)")
    with MjpegClient(stack.url("/stream/video")) as client:
        for part in client.parts(10):
            check_picture(part)
            assert part.epoch == before.epoch
            assert part.number > before.number


def test_a_container_made_anew_has_the_same_memory(stack: Stack) -> None:
    """What ``ipc: service:video`` has not: there the API keeps the old one for ever."""
    with MjpegClient(stack.url("/stream/video")) as client:
        before = list(client.parts(10))[-1]
        stack.compose("up", "-d", "--no-build", "--force-recreate", "video", timeout_s=90)
        after = wait_for_another_epoch(client, before.epoch)
        check_picture(after)
        stack.compose("restart", "--timeout", "5", "video", timeout_s=90)
        check_picture(wait_for_another_epoch(client, after.epoch))


def test_ring_that_is_too_large_is_refused_with_the_way_out() -> None:
    build_images()
    stack = Stack(["compose.yaml", ISOLATED], {"SHM_SIZE": "48m"})
    try:
        stack.compose("up", "-d", "--no-build", "--no-deps", "video")

        def said() -> str:
            return stack.compose("logs", "--no-color", "video")

        wait_until(lambda: "not enough shared memory" in said(), "to be told")
        (sentence, *_) = [line for line in said().splitlines() if "not enough" in line]
        assert "need 66560000 bytes (63.5 MiB, reserve included)" in sentence, "ring and reserve"
        # Less than all, if the source was so slow to open that a small picture says so already.
        (free,) = re.findall(r"free (\d+) bytes", sentence)
        assert 0 < int(free) <= 48 * 2**20, "what there is"
        assert "lower RINGCAST_VIDEO__RING__SLOTS (now 8)" in sentence, "what can be done"
        assert stack.inspect("video")["State"]["OOMKilled"] is False
    finally:
        stack.remove()
    assert stack.left_in_shared_memory() == {}


def test_down_leaves_nothing() -> None:
    build_images()
    with running_stack(ISOLATED) as stack:
        with MjpegClient(stack.url("/stream/video")) as client:
            list(client.parts(3))
            stack.compose("stop")
            exits = {name: stack.inspect(name)["State"]["ExitCode"] for name in ("video", "api")}
        assert exits == {"video": 0, "api": 0}
        stack.compose("down", "--volumes")
        volumes = run(["docker", "volume", "ls", "-q", "--filter", f"name={stack.segment}"])
        assert volumes == ""
        assert stack.compose("ps", "-aq") == ""
        assert stack.left_in_shared_memory() == {}
