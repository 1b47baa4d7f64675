"""The containers as people run them: built, started, watched, crashed and stopped for real.

Needs a Docker engine: ``tests/e2e/docker/engine.sh up`` brings one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from shared.frame_code import read_codes
from shared.version import version
from tests.e2e.docker.stack import (
    BUILD_OVERRIDE,
    Stack,
    build_images,
    labels,
    run,
    running_stack,
    variables,
)
from tests.support.mjpeg_client import MjpegClient, get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.mjpeg_client import Part

pytestmark = [
    pytest.mark.docker,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(240),
]

FILE = "compose.file.yaml"
ISOLATED = "compose.isolated.yaml"
OVERRIDES = ["compose.camera.yaml", FILE, ISOLATED, BUILD_OVERRIDE]
RESUME_TIMEOUT_S = 30.0
"""Watchdog only: the stream itself ends when its grace time of 10 s is over."""


@pytest.fixture(scope="module")
def images() -> dict[str, str]:
    """Both images, built; their names by service."""
    return build_images()


@pytest.fixture(scope="module")
def stack(images: dict[str, str]) -> Iterator[Stack]:
    """``docker compose up`` with nothing else."""
    assert images
    with running_stack() as it:
        yield it


def check_picture(part: Part) -> None:
    """The picture decodes, and what is drawn into it is what the headers say."""
    image = cv2.imdecode(np.frombuffer(part.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    top, bottom = read_codes(np.asarray(image, np.uint8))
    assert top is not None
    assert top == bottom
    assert top.sequence == part.number


def wait_for_another_epoch(client: MjpegClient, epoch: int) -> Part:
    """Read the open stream on until it shows live frames of another life of the writer."""
    deadline = time.monotonic() + RESUME_TIMEOUT_S
    while time.monotonic() < deadline:
        part = client.next_part()
        if part.online and part.epoch != epoch:
            return part
    raise AssertionError(f"no live frame of a new epoch within {RESUME_TIMEOUT_S} s")


def write_clip(path: Path) -> None:
    """Write two seconds of grey pictures, 320x240."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 240))
    assert writer.isOpened()
    for level in range(50):
        writer.write(np.full((240, 320, 3), 60 + 2 * level, np.uint8))
    writer.release()
    path.chmod(0o644)


@pytest.mark.parametrize("override", [None, *OVERRIDES])
@pytest.mark.parametrize("compose", [["docker", "compose"], ["docker-compose"]])
def test_every_compose_file_is_accepted(compose: list[str], override: str | None) -> None:
    if shutil.which(compose[0]) is None:
        pytest.skip("the old docker-compose is not installed")
    files = ["-f", "compose.yaml", *(["-f", override] if override else [])]
    run([*compose, *files, "config"], env=variables(VIDEO_FILE="/media/clip.mp4"))


@pytest.mark.timeout(660)
def test_images_hold_their_own_service_and_no_installer(images: dict[str, str]) -> None:
    program = (
        "import importlib.util as u, json; print(json.dumps([bool(u.find_spec(name)) for name in "
        "('shared', 'services.video', 'services.api', 'cv2', 'gunicorn', 'pip')]))"
    )
    found = {
        service: json.loads(run(["docker", "run", "--rm", image, "python", "-c", program]))
        for service, image in images.items()
    }
    assert found["video"] == [True, True, False, True, False, False]
    assert found["api"] == [True, True, True, True, True, False]


def test_images_say_what_they_are(images: dict[str, str]) -> None:
    for service, image in images.items():
        config = json.loads(run(["docker", "inspect", "--format", "{{json .Config}}", image]))
        assert config["User"] == "10001:10001"
        assert config["StopSignal"] == "SIGTERM"
        assert config["Healthcheck"]["Test"][:2] == ["CMD", "python"]
        assert config["Labels"]["org.opencontainers.image.title"] == f"ringcast-{service}"
        said = {
            name.removeprefix("org.opencontainers.image."): value
            for name, value in config["Labels"].items()
        }
        assert said["licenses"] == "MIT"
        assert said["version"] == version()
        assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", said["revision"])
        wanted = {name.removeprefix("IMAGE_").lower(): value for name, value in labels().items()}
        assert {name: said[name] for name in wanted} == wanted
        program = "from shared.version import version; print(version())"
        command = ["docker", "run", "--rm", image, "python", "-c", program]
        assert run(command) == version()


def test_release_images_are_named_after_their_version() -> None:
    assert labels("--tags", "1.2.3")["API_IMAGE"] == "ringcast-api:1.2.3"
    assert labels("--tags", "1.2.3")["IMAGE_VERSION"] == "1.2.3"
    assert labels("--tags")["VIDEO_IMAGE"] == f"ringcast-video:{version()}"
    files = ["-f", "compose.yaml"]
    configured = run(
        ["docker", "compose", *files, "config", "--images"], env=dict(os.environ) | labels("--tags")
    )
    assert set(configured.split()) == {f"ringcast-{name}:{version()}" for name in ("api", "video")}


def test_stream_and_page_come_through_the_published_port(stack: Stack) -> None:
    with MjpegClient(stack.url("/stream/video")) as client:
        parts = list(client.parts(20))
    for part in parts:
        check_picture(part)
    assert [part.number for part in parts] == sorted({part.number for part in parts})
    status, headers, body = get(stack.url("/"))
    assert status == 200
    assert headers["content-type"].startswith("text/html")
    assert b"/stream/video" in body


def test_it_is_published_on_this_machine_only(stack: Stack) -> None:
    bindings = stack.inspect("api")["NetworkSettings"]["Ports"]["8000/tcp"]
    assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}
    assert not stack.inspect("video")["NetworkSettings"]["Ports"]


@pytest.mark.parametrize("service", ["video", "api"])
def test_doctor_finds_nothing_wrong_inside(stack: Stack, service: str) -> None:
    report = stack.compose("exec", "-T", service, "python", "-m", "services.doctor", "--json")
    findings = json.loads(report)["findings"]
    assert {finding["level"] for finding in findings} == {"ok"}
    assert {"shared memory", "ring", "notifications"} <= {each["topic"] for each in findings}


@pytest.mark.parametrize("service", ["video", "api"])
def test_containers_may_do_nothing_they_need_not(stack: Stack, service: str) -> None:
    facts = stack.inspect(service)
    assert facts["Config"]["User"] == "10001:10001"
    assert facts["HostConfig"]["ReadonlyRootfs"] is True
    assert facts["HostConfig"]["CapDrop"] == ["ALL"]
    assert not facts["HostConfig"]["CapAdd"]
    assert not facts["HostConfig"]["Privileged"]
    status = stack.python(service, "print(open('/proc/1/status').read())")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["10001"] * 4
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2", "Docker's own profile filters system calls"
    assert facts["HostConfig"]["PidsLimit"] == 256
    assert facts["HostConfig"]["Memory"] == {"video": 2**30, "api": 2 * 2**30}[service]
    with pytest.raises(AssertionError, match="Read-only file system"):
        stack.python(service, "open('/app/written', 'w')")


def test_open_stream_resumes_after_the_video_container_crashed(stack: Stack) -> None:
    with MjpegClient(stack.url("/stream/video")) as client:
        before = list(client.parts(10))[-1]
        stack.crash("video")
        check_picture(wait_for_another_epoch(client, before.epoch))
        for part in client.parts(10):
            check_picture(part)
    assert stack.inspect("video")["RestartCount"] >= 1
    assert stack.inspect("api")["RestartCount"] == 0


def test_stop_ends_both_by_themselves_and_down_leaves_nothing(images: dict[str, str]) -> None:
    assert images
    with running_stack() as stack:
        assert f"{stack.segment}.ring" in stack.left_in_shared_memory()
        with MjpegClient(stack.url("/stream/video")) as client:
            list(client.parts(3))
            stack.compose("stop")
            # 137 would be SIGKILL: the grace period was over.
            exits = {name: stack.inspect(name)["State"]["ExitCode"] for name in ("video", "api")}
        assert exits == {"video": 0, "api": 0}
        stack.compose("down", "--volumes")
        assert stack.left_in_shared_memory() == {}


def test_a_mounted_video_file_is_shown(images: dict[str, str], tmp_path: Path) -> None:
    assert images
    write_clip(tmp_path / "clip.avi")
    with (
        running_stack(FILE, VIDEO_FILE=str(tmp_path / "clip.avi")) as stack,
        MjpegClient(stack.url("/stream/video")) as client,
    ):
        for part in client.parts(5):
            assert part.online
            image = cv2.imdecode(np.frombuffer(part.jpeg, np.uint8), cv2.IMREAD_COLOR)
            assert image is not None
            assert image.shape == (240, 320, 3)
