"""Two cameras, each in a container of its own, as ``services.supervisor.compose`` writes them.

Needs a Docker engine but for the first test: ``tests/e2e/docker/engine.sh up`` brings one.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.docker.stack import (
    REPOSITORY,
    SHARED_MEMORY,
    Stack,
    build_images,
    run,
    running_stack,
    variables,
)
from tests.support.mjpeg_client import MjpegClient, get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.docker,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(240),
]

RESUME_TIMEOUT_S = 60.0
"""Watchdog only."""


def write_override(folder: Path, cameras: dict[str, Any], *options: str) -> Path:
    """Write the configuration file and, by the documented command, the Compose file."""
    config, override = folder / "config.json", folder / "compose.cameras.yaml"
    config.write_text(json.dumps({"cameras": cameras}), encoding="utf-8")
    config.chmod(0o644)  # the container's user reads it
    base = f"--base={REPOSITORY / 'compose.yaml'}"
    command = (sys.executable, "-m", "services.supervisor.compose", str(config), base, *options)
    text = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    override.write_text(text, encoding="utf-8")
    return override


@pytest.mark.parametrize("options", [(), ("--isolated",)])
@pytest.mark.parametrize("compose", [["docker", "compose"], ["docker-compose"]])
def test_what_is_written_is_accepted_and_every_camera_is_as_hardened_as_video(
    tmp_path: Path, compose: list[str], options: tuple[str, ...]
) -> None:
    if shutil.which(compose[0]) is None:
        pytest.skip(f"{compose[0]} is not installed")
    cameras = {
        "door": {"source": "pattern://320x240@10"},
        "yard": {"source": "v4l2:/dev/video2"},
        "hall": {"source": "rtsp://192.0.2.1/live"},
    }
    override = write_override(tmp_path, cameras, *options)
    files = ["compose.yaml", *(["compose.isolated.yaml"] if options else []), str(override)]
    command = [*compose, *(part for file in files for part in ("-f", file)), "config"]
    described = [*command, "--format", "json"] if compose[0] == "docker" else command
    text = run(described, env=variables())
    if compose[0] != "docker":  # the old one knows YAML only
        assert all(f"--camera={name}" in text for name in cameras)
        return
    services = json.loads(text)["services"]
    same = {
        name: {
            key: value
            for key, value in services[name].items()
            if key not in {"command", "healthcheck", "mem_limit", "devices", "group_add"}
        }
        for name in ("video", "video-yard", "video-hall")
    }
    for service in same.values():
        service["volumes"].sort(key=str)
    assert same["video-yard"] == same["video-hall"] == same["video"]
    assert services["video-hall"]["cap_drop"] == ["ALL"]
    assert services["video-hall"]["read_only"] is True
    assert set(services["api"]["depends_on"]) == {"video"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two cameras and the API; their segments are named after a prefix of this test's own."""
    build_images()
    prefix = f"e2e_{secrets.token_hex(4)}"
    cameras = {
        name: {"source": "pattern://320x240@10", "shared_memory_name": f"{prefix}_{name}"}
        for name in ("door", "yard")
    }
    override = write_override(tmp_path_factory.mktemp("cameras"), cameras)
    try:
        with running_stack(str(override)) as it:
            yield it
    finally:
        for path in SHARED_MEMORY.glob(f"{prefix}*"):
            path.unlink(missing_ok=True)


def wait_for_frame(url: str) -> None:
    deadline = time.monotonic() + RESUME_TIMEOUT_S
    while get(url)[0] != 200:
        assert time.monotonic() < deadline, f"no frame of {url}"


def test_a_camera_whose_container_crashes_touches_no_other(stack: Stack) -> None:
    wait_for_frame(stack.url("/stream/yard/frame"))
    with (
        MjpegClient(stack.url("/stream/door")) as door,
        MjpegClient(stack.url("/stream/yard")) as yard,
    ):
        before, other = list(yard.parts(5))[-1], list(door.parts(5))[-1]
        stack.crash("video-yard")
        numbers = []
        for part in door.parts(20):
            assert part.online
            assert part.epoch == other.epoch
            numbers.append(part.number)
        assert numbers == sorted(set(numbers))
        deadline = time.monotonic() + RESUME_TIMEOUT_S
        while (part := yard.next_part()).epoch == before.epoch or not part.online:
            assert time.monotonic() < deadline, "no live frame of a new epoch"
    assert stack.inspect("video-yard")["RestartCount"] >= 1
    assert stack.inspect("video")["RestartCount"] == 0
    assert stack.inspect("api")["RestartCount"] == 0
