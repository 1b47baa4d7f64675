"""Memory: /dev/shm holds what the settings ask for, and the limits hold /dev/shm."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.manifests import (
    RENDERED,
    SHARED_MEMORY,
    containers,
    documents,
    mib,
    quantity_bytes,
    settings,
    volume,
)
from tests.support.pod_memory import PodMemory

ROOT: Final = Path(__file__).resolve().parents[2]

every_pod = pytest.mark.parametrize("name", RENDERED)


def limit_bytes(container: dict[str, Any]) -> int:
    return quantity_bytes(container["resources"]["limits"]["memory"])


def in_memory_bytes(name: str, volume_name: str) -> int:
    """``sizeLimit`` of a volume that is checked to be memory: the schema takes any word for it."""
    empty_dir = volume(documents(name), volume_name)["emptyDir"]
    assert empty_dir["medium"] == "Memory"
    return quantity_bytes(empty_dir["sizeLimit"])


@every_pod
def test_memory_is_enough_for_the_settings(name: str, tmp_path: Path) -> None:
    stack = documents(name)
    need = PodMemory(settings(stack, tmp_path))
    shared = in_memory_bytes(name, "shm")
    assert shared >= need.shared_bytes, f"{SHARED_MEMORY} needs {mib(need.shared_bytes)}"
    every = containers(stack)
    wanted = {
        "video": need.video_bytes(shared, in_memory_bytes(name, "video-tmp")),
        "api": need.api_bytes(in_memory_bytes(name, "api-tmp")),
    }
    for service, needed in wanted.items():
        assert limit_bytes(every[service]) >= needed, f"{service} needs {mib(needed)}"
    assert shared <= sum(limit_bytes(each) for each in every.values()), "else it is that small"
    assert shared < 2 * need.shared_bytes, "more than twice what is needed"
    requests = every["video"]["resources"]["requests"]
    assert quantity_bytes(requests["memory"]) == limit_bytes(every["video"]), "always in use"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("video.source", "pattern://3840x2160@30"),
        ("video.ring.slots", 32),
        ("video.ring.reserve_mb", 512),
        ("api.limits.max_variants", 64),
    ],
)
def test_memory_is_not_enough_for_more(key: str, value: object, tmp_path: Path) -> None:
    """The sums move with the settings: one that is raised alone is noticed."""
    held = settings(documents("base"), tmp_path)
    dump = held.model_dump(mode="json")
    section: dict[str, Any] = dump
    *path, last = key.split(".")
    for step in path:
        section = section[step]
    section[last] = value
    grown = PodMemory(type(held).model_validate(dump))
    assert grown.shared_bytes > in_memory_bytes("base", "shm")
