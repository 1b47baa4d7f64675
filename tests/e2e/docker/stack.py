"""One Compose stack for a test: own project, own port, own shared memory name, gone at the end.

Everything is bounded in time, and nothing of it can disturb another stack on the same host.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "REPOSITORY",
    "SHARED_MEMORY",
    "Stack",
    "build_images",
    "labels",
    "run",
    "running_stack",
    "variables",
]

REPOSITORY: Final = Path(__file__).parents[3]
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the kernel's own tmpfs, not a temp file
BUILD_OVERRIDE: Final = "tests/e2e/docker/compose.build.yaml"
IMAGES: Final = {"VIDEO_IMAGE": "ringcast-video:e2e", "API_IMAGE": "ringcast-api:e2e"}
_OF_THE_CALLER: Final = ("VIDEO_SOURCE", "VIDEO_FILE", "PORT", "BIND_ADDR", "COMPOSE_FILE")
"""Variables of the developer's shell that would make a test another one."""
_KILL_EVERYTHING: Final = "import os; os.kill(-1, 9)"
"""Run in a container: ends all its processes but this one and the first."""


def variables(**more: str) -> dict[str, str]:
    """The environment of ``docker compose``: the caller's, less what would change the stack."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_THE_CALLER}
    return kept | IMAGES | more


def run(
    command: Sequence[str], *, timeout_s: float = 60.0, env: dict[str, str] | None = None
) -> str:
    """Run a program in the repository.

    Returns:
        What it wrote to standard output, without white space at the ends.

    Raises:
        AssertionError: It failed, or was not done within ``timeout_s``; with its last words.
    """
    try:
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=variables() if env is None else env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"not done in {timeout_s} s: {' '.join(command)}") from error
    last_words = done.stdout[-2000:] + done.stderr[-4000:]
    assert done.returncode == 0, f"{' '.join(command)}: code {done.returncode}\n{last_words}"
    return done.stdout.strip()


def labels(*arguments: str) -> dict[str, str]:
    """What ``make images`` has the images say of themselves, as variables for Compose.

    Args:
        arguments: Of the script that knows.
    """
    lines = run(["scripts/image_labels.sh", *arguments]).splitlines()
    return dict(line.split("=", 1) for line in lines)


@functools.cache
def build_images() -> dict[str, str]:
    """Build both images, once per run of the tests; returns their names by service.

    Raises:
        AssertionError: There is no Docker engine, or a build failed.
    """
    assert shutil.which("docker"), "no docker here: tests/e2e/docker/engine.sh up"
    run(["docker", "version"], timeout_s=20)
    files = ["-f", "compose.yaml", "-f", BUILD_OVERRIDE]
    command = ["docker", "compose", "-p", "ringcast-e2e", *files, "build"]
    run(command, timeout_s=600, env=variables(**labels()))
    return {"video": IMAGES["VIDEO_IMAGE"], "api": IMAGES["API_IMAGE"]}


class Stack:
    """A stack that is up.

    Args:
        files: The Compose files, as after ``-f``, relative to the repository.
        settings: Further variables for them.

    Attributes:
        segment: The stack's shared memory name.
    """

    def __init__(self, files: Sequence[str], settings: dict[str, str]) -> None:
        self.segment = f"e2e_{secrets.token_hex(4)}"
        self._command = ["docker", "compose", "-p", self.segment]
        self._command += [part for file in files for part in ("-f", file)]
        # Port 0: the engine takes a free one.
        self._env = variables(SHARED_MEMORY_NAME=self.segment, PORT="0") | settings

    def compose(self, *arguments: str, timeout_s: float = 60.0) -> str:
        """Run ``docker compose`` on this stack and return what it printed."""
        return run([*self._command, *arguments], timeout_s=timeout_s, env=self._env)

    def up(self) -> None:
        """Start what is not running and wait until everything is healthy."""
        self.compose("up", "-d", "--no-build", "--wait", "--wait-timeout", "90", timeout_s=120)

    def url(self, path: str) -> str:
        """The address of ``path`` through the published port."""
        return f"http://{self.compose('port', 'api', '8000')}{path}"

    def inspect(self, service: str) -> dict[str, Any]:
        """What the engine knows about the container of a service."""
        container = self.compose("ps", "-aq", service)
        facts: list[dict[str, Any]] = json.loads(run(["docker", "inspect", container]))
        return facts[0]

    def python(self, service: str, program: str) -> str:
        """Run a Python program in the container and return what it printed."""
        return self.compose("exec", "-T", service, "python", "-c", program)

    def crash(self, service: str) -> None:
        """Kill the service as a crash does: SIGKILL, and the engine has not been asked to.

        Not ``docker kill``: to the engine that is a person's wish, which it honours by not
        restarting the container.
        """
        with contextlib.suppress(AssertionError):  # the container often takes the exec with it
            self.python(service, _KILL_EVERYTHING)

    def left_in_shared_memory(self) -> dict[str, int]:
        """Name and size, bytes, of this stack's files in the host's /dev/shm."""
        return {path.name: path.stat().st_size for path in SHARED_MEMORY.glob(f"{self.segment}*")}

    def remove(self) -> None:
        """Print the logs (pytest shows them if the test failed) and take everything away."""
        with contextlib.suppress(AssertionError):
            print(self.compose("logs", "--no-color", "--tail", "60"))  # noqa: T201
        try:
            self.compose("down", "--volumes", "--timeout", "5", timeout_s=90)
        finally:
            for path in SHARED_MEMORY.glob(f"{self.segment}*"):
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def running_stack(*overrides: str, **settings: str) -> Iterator[Stack]:
    """Bring a stack up from compose.yaml and ``overrides``; take it away whatever happens."""
    stack = Stack(["compose.yaml", *overrides], settings)
    try:
        stack.up()
        yield stack
    finally:
        stack.remove()
