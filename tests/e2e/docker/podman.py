"""Pods played by Podman: storage, networks and volumes of a run of the tests, gone at its end.

Podman is Debian's (tests/apt-packages.txt); the images come from the tests' Docker engine.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from tests.e2e.docker.stack import run
from tests.support.manifests import pod_spec
from tests.support.mjpeg_client import ProtocolViolation, get
from tests.support.playable import Place, playable
from tests.support.processes import wait_until
from tests.support.proxies import free_port
from tests.support.tmpfs import mounted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.manifests import Document

__all__ = ["Pod", "Podman", "pod_running", "podman_with"]

_CONFIGURATION: Final = """
[containers]
# Podman asks for a million otherwise, which needs CAP_SYS_RESOURCE.
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
# No systemd here, and the runtime that the Docker engine brings.
cgroup_manager = "cgroupfs"
events_logger = "file"
# Files in our folder: the others are in the host's /dev/shm, and stay there.
lock_type = "file"
runtime = "runc"
[network]
network_backend = "netavark"
network_config_dir = "{networks}"
"""


class Podman:
    """Podman with a storage of its own.

    Args:
        folder: For all that it keeps.
        driver: Of the storage.
    """

    def __init__(self, folder: Path, driver: str) -> None:
        networks = folder / "networks"
        networks.mkdir()
        configuration = folder / "containers.conf"
        configuration.write_text(_CONFIGURATION.format(networks=networks), encoding="utf-8")
        self.env = dict(os.environ) | {"CONTAINERS_CONF": str(configuration)}
        self.command = ["podman", "--storage-driver", driver]
        for option in ("root", "runroot", "tmpdir"):
            self.command += [f"--{option}", str(folder / option)]

    def __call__(self, *arguments: str, timeout_s: float = 60.0) -> str:
        """Run it and return what it printed."""
        return run([*self.command, *arguments], timeout_s=timeout_s, env=self.env)

    def load(self, images: list[str]) -> None:
        """Take images from the Docker engine, layer by layer through a pipe."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saving:
            loading = [*self.command, "load", "--quiet"]
            subprocess.run(loading, stdin=saving.stdout, env=self.env, check=True, timeout=120)
        assert saving.returncode == 0


@contextlib.contextmanager
def podman_with(images: list[str]) -> Iterator[Podman]:
    """A Podman that has these images of the Docker engine; nothing of it stays."""
    assert shutil.which("podman"), "no podman here: apt-get install podman catatonit netavark"
    overlay = "overlay" in run(["docker", "info", "--format", "{{.Driver}}"])
    # Not below /tmp, which may be a tmpfs: storage is 800 MB.
    with tempfile.TemporaryDirectory(prefix="ringcast-podman-", dir="/var/tmp") as folder:
        podman = Podman(Path(folder), "overlay" if overlay else "vfs")
        try:
            podman.load(images)
            yield podman
        finally:
            podman("system", "reset", "--force", timeout_s=120)


class Pod:
    """A pod that is played.

    Args:
        podman: Who plays it.
        stack: What it is given: Deployment and ConfigMap.
        place: Where.

    Attributes:
        name: What Podman calls it.
        address: Where its HTTP is published.
    """

    def __init__(self, podman: Podman, stack: list[Document], place: Place) -> None:
        self._podman = podman
        self._place = place
        self._file = place.folder / "pod.yaml"
        self._file.write_text(yaml.safe_dump_all(stack), encoding="utf-8")
        self.name = f"{place.name}-pod-0"
        self.address = f"http://127.0.0.1:{place.port}"

    def play(self) -> None:
        """Start it and wait for fresh frames."""
        self._podman("kube", "play", str(self._file), timeout_s=120)
        wait_until(lambda: self.answers("/readyz") == 200, "frames (/readyz)")

    def answers(self, path: str) -> int:
        """Status code of a GET without credentials; 0: no answer."""
        try:
            return get(self.address + path, timeout_s=5.0)[0]
        except (OSError, ProtocolViolation):
            return 0

    def network_address(self) -> str:
        """Where other pods reach it."""
        facts = json.loads(self._podman("pod", "inspect", self.name))
        infra = json.loads(self._podman("container", "inspect", facts["InfraContainerID"]))
        (network,) = infra[0]["NetworkSettings"]["Networks"].values()
        return str(network["IPAddress"])

    def inspect(self, service: str) -> dict[str, Any]:
        """What Podman knows about a container."""
        facts: list[dict[str, Any]] = json.loads(
            self._podman("container", "inspect", self._name(service))
        )
        return facts[0]

    def pid(self, service: str) -> int:
        """The container's first process, as the host counts; 0: it does not run."""
        return int(self.inspect(service)["State"]["Pid"])

    def signal(self, service: str, number: int) -> None:
        """Send the container's first process a signal, of which Podman knows nothing."""
        os.kill(self.pid(service), number)

    def crash(self, service: str) -> None:
        """Kill a container as a crash does.

        Not ``podman kill``: that is a person's wish, and the container stays down.
        """
        self.signal(service, signal.SIGKILL)

    def run_in(self, service: str, *command: str) -> str:
        """Run a program in a container and return what it printed."""
        return self._podman("exec", self._name(service), *command)

    def said(self, service: str) -> str:
        """Everything a container has written, standard error too."""
        done = subprocess.run(
            [*self._podman.command, "logs", self._name(service)],
            env=self._podman.env,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return done.stdout + done.stderr

    def stop(self, service: str) -> int:
        """End a container by SIGTERM; returns its exit code.

        Not the whole pod at once: Podman takes its network away first, a cluster last.
        """
        self._podman("stop", "--time", "30", self._name(service))
        return int(self.inspect(service)["State"]["ExitCode"])

    def down(self) -> None:
        """Remove the pod, running or not."""
        self._podman("kube", "down", str(self._file), timeout_s=120)

    def left(self) -> list[str]:
        """Names of its containers that there still are."""
        names = self._podman("ps", "--all", "--format", "{{.Names}}").split()
        return [name for name in names if name.startswith(self.name)]

    def left_in_memory(self) -> list[str]:
        """Names of the files in its /dev/shm."""
        return sorted(path.name for path in (self._place.folder / "shm").iterdir())

    def _name(self, service: str) -> str:
        return f"{self.name}-{service}"


@contextlib.contextmanager
def pod_running(
    podman: Podman,
    stack: list[Document],
    images: Mapping[str, str],
    held: Mapping[tuple[str, str], str],
    origin: str = "",
) -> Iterator[Pod]:
    """Play a pod of deploy/kubernetes; take it away whatever happens.

    Args:
        podman: Who plays it.
        stack: The documents.
        images: Those of the manifest, and what is played instead.
        held: What Secrets hold, by name and key.
        origin: For a relay: address of the pod that it follows.
    """
    group = pod_spec(stack)["securityContext"]["fsGroup"]
    with contextlib.ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="ringcast-pod-")))
        folder.chmod(0o755)
        place = Place(f"e2e-{secrets.token_hex(4)}", folder, free_port(), images, origin)
        played = playable(stack, place)
        for path, size_bytes in place.memories.items():
            ending.enter_context(mounted(path, size_bytes, f"gid={group},mode=2777"))
        for path, key in place.secrets.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(held[key], encoding="utf-8")
            os.chown(path, 0, group)
            path.chmod(0o440)
        pod = Pod(podman, played, place)
        ending.callback(podman, "pod", "rm", "--force", "--ignore", pod.name)
        ending.callback(_tell, pod)
        pod.play()
        yield pod


def _tell(pod: Pod) -> None:
    """Print the logs; pytest shows them if the test failed."""
    for name in pod.left():
        service = name.rpartition("-")[2]
        print(f"----- {name}\n{pod.said(service)[-6000:]}")  # noqa: T201
