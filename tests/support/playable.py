"""What ``podman kube play`` is given: a pod as it is, but for what Podman cannot do.

Each change is a function that says what it changes and why; ``CHANGES`` is all of them, and the
test of this module that nothing else is changed. Podman 4.3 of Debian 12 is the oldest we suit.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.support.manifests import Document, containers, one, pod_spec, quantity_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["CHANGES", "Place", "playable"]

PROBES: Final = ("startupProbe", "livenessProbe", "readinessProbe")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pod is played.

    Attributes:
        name: Of the pod.
        folder: Its volumes lie here.
        port: Of 127.0.0.1, where its HTTP is published.
        images: Those of the manifest, and what is played instead.
        origin: For a relay: address of the pod that it follows.
        memories: Filled by the changes: folders that must be a tmpfs, and of how many bytes.
        secrets: Filled by the changes: files that must be there, and their Secret and key.
    """

    name: str
    folder: Path
    port: int
    images: Mapping[str, str]
    origin: str = ""
    memories: dict[Path, int] = field(default_factory=dict)
    secrets: dict[Path, tuple[str, str]] = field(default_factory=dict)


def playable(stack: list[Document], place: Place) -> list[Document]:
    """The documents as Podman plays them; the given ones stay as they are."""
    played = copy.deepcopy(stack)
    for change in CHANGES:
        change(played, place)
    return played


def without_what_a_cluster_does(stack: list[Document], _: Place) -> None:
    """Leave Deployment and ConfigMap: nobody here routes, scales, filters or drains."""
    stack[:] = [each for each in stack if each["kind"] in {"ConfigMap", "Deployment"}]


def with_a_name_of_its_own(stack: list[Document], place: Place) -> None:
    """Name the pod, so that two may be played side by side."""
    one(stack, "Deployment")["metadata"]["name"] = place.name


def with_plain_containers(stack: list[Document], _: Place) -> None:
    """Start sidecars as plain containers: Podman 4.3 refuses an init container with probes.

    Nothing to do in the plain pod.
    """
    spec = pod_spec(stack)
    sidecars = spec.pop("initContainers", [])
    for sidecar in sidecars:
        del sidecar["restartPolicy"]
    spec["containers"][:0] = sidecars


def with_the_origin_itself(stack: list[Document], place: Place) -> None:
    """Have a relay follow a pod instead of the Service before it: there is none.

    Nothing to do where there is no origin.
    """
    if place.origin:
        data = one(stack, "ConfigMap")["data"]
        data["config.json"] = data["config.json"].replace("//ringcast/", "//ringcast:8000/")
        hosts = [{"ip": place.origin, "hostnames": ["ringcast"]}]
        pod_spec(stack)["hostAliases"] = hosts


def with_images_of_the_tests(stack: list[Document], place: Place) -> None:
    """Take the images just built, which no registry has."""
    for container in containers(stack).values():
        container["image"] = place.images[container["image"]]
        container["imagePullPolicy"] = "Never"


def with_memory_that_is_shared(stack: list[Document], place: Place) -> None:
    """Mount a tmpfs of the same size and group for each ``emptyDir`` of memory.

    Podman 4 makes a folder on the disk of them that belongs to root, whatever ``fsGroup`` says;
    Podman 5 a tmpfs for each container, so that they share nothing.
    """
    for volume in pod_spec(stack)["volumes"]:
        if volume.get("emptyDir", {}).get("medium") == "Memory":
            path = place.folder / volume["name"]
            place.memories[path] = quantity_bytes(volume.pop("emptyDir")["sizeLimit"])
            volume["hostPath"] = _folder(path)


def with_secrets_from_files(stack: list[Document], place: Place) -> None:
    """Mount a folder for each Secret: Podman 4.3 crashes on them, or mounts an empty one."""
    for volume in pod_spec(stack)["volumes"]:
        if "secret" in volume:
            path, secret = place.folder / volume["name"], volume.pop("secret")
            for item in secret["items"]:
                place.secrets[path / item["path"]] = (secret["secretName"], item["key"])
            volume["hostPath"] = _folder(path)


def without_probes(stack: list[Document], _: Place) -> None:
    """Leave probes out, which need systemd's timers here or are ignored: the tests run them."""
    for container in containers(stack).values():
        for probe in PROBES:
            container.pop(probe, None)


def with_a_published_port(stack: list[Document], place: Place) -> None:
    """Publish the port on this machine: there is no Service."""
    (port,) = containers(stack)["api"]["ports"]
    port.update(hostPort=place.port, hostIP="127.0.0.1")


CHANGES: Final = (
    without_what_a_cluster_does,
    with_a_name_of_its_own,
    with_plain_containers,
    with_the_origin_itself,
    with_images_of_the_tests,
    with_memory_that_is_shared,
    with_secrets_from_files,
    without_probes,
    with_a_published_port,
)


def _folder(path: Path) -> dict[str, Any]:
    return {"path": str(path), "type": "Directory"}
