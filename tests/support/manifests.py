"""What deploy/kubernetes says, as the plain YAML there has it: documents, containers, settings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from shared.settings import load_settings

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = [
    "KUBERNETES",
    "RENDERED",
    "SHARED_MEMORY",
    "Document",
    "chosen",
    "config",
    "containers",
    "documents",
    "mib",
    "one",
    "pod_labels",
    "pod_spec",
    "quantity_bytes",
    "settings",
    "volume",
]

KUBERNETES: Final = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
RENDERED: Final = ("base", "plain-pod", "relay", "usb-camera", "vision")
"""The base and every overlay."""

Document = dict[str, Any]
SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108 - where the kernel's tmpfs is, not a temp file
_UNITS: Final = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def documents(name: str) -> list[Document]:
    """Everything that ``kubectl apply -f`` is given for one of ``RENDERED``."""
    path = KUBERNETES / "rendered" / f"{name}.yaml"
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def one(stack: list[Document], kind: str) -> Document:
    """The only document of a kind."""
    (found,) = [document for document in stack if document["kind"] == kind]
    return found


def pod_spec(stack: list[Document]) -> Document:
    """What the Deployment makes pods of."""
    spec: Document = one(stack, "Deployment")["spec"]["template"]["spec"]
    return spec


def pod_labels(stack: list[Document]) -> dict[str, str]:
    """The labels of those pods."""
    labels: dict[str, str] = one(stack, "Deployment")["spec"]["template"]["metadata"]["labels"]
    return labels


def containers(stack: list[Document]) -> dict[str, Document]:
    """Every container of the pod by name, sidecars first."""
    spec = pod_spec(stack)
    every = [*spec.get("initContainers", []), *spec["containers"]]
    return {container["name"]: container for container in every}


def volume(stack: list[Document], name: str) -> Document:
    """A volume of the pod."""
    volumes: list[Document] = pod_spec(stack)["volumes"]
    (found,) = [each for each in volumes if each["name"] == name]
    return found


def config(stack: list[Document]) -> str:
    """The configuration file that the pod's containers are given."""
    text: str = one(stack, "ConfigMap")["data"]["config.json"]
    return text


def settings(stack: list[Document], folder: Path) -> Settings:
    """The settings that hold in the pod.

    Args:
        stack: The documents.
        folder: For a copy of the configuration file.

    Raises:
        ConfigError: A container with these settings would not start.
    """
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(config(stack))), encoding="utf-8")
    return load_settings(path, environ={})


def chosen(selector: Document, labels: dict[str, str]) -> bool:
    """Whether a label selector (of a Service: the bare pairs) chooses what has these labels."""
    if not {"matchLabels", "matchExpressions"} & selector.keys():
        selector = {"matchLabels": selector}
    pairs = selector.get("matchLabels", {}).items()
    rules = selector.get("matchExpressions", [])
    assert all(rule["operator"] == "In" for rule in rules)
    return all(labels.get(key) == value for key, value in pairs) and all(
        labels.get(rule["key"]) in rule["values"] for rule in rules
    )


def quantity_bytes(quantity: str) -> int:
    """Bytes of a quantity such as ``256Mi``."""
    match = re.fullmatch(r"(\d+)(|Ki|Mi|Gi)", quantity)
    assert match, f"not a quantity of memory as we write it: {quantity}"
    return int(match[1]) * _UNITS[match[2]]


def mib(size_bytes: float) -> str:
    """In words, for messages."""
    return f"{size_bytes / 2**20:.0f} MiB"
