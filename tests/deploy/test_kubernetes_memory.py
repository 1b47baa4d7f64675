"""Memory: /dev/shm holds what the settings ask for, and the limits hold /dev/shm."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from shared.settings import Settings
from tests.support.manifests import (
    RENDERED,
    SHARED_MEMORY,
    config,
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
    grown = PodMemory(Settings.model_validate(dump))
    assert grown.shared_bytes > in_memory_bytes("base", "shm")


def rounded_mib(size_bytes: float) -> str:
    """Up to 64 MiB, as a quantity."""
    return f"{-(-int(size_bytes) // 2**26) * 64}Mi"


def sizing_table() -> list[list[str]]:
    """Rows of docs/kubernetes.md, Memory: source, ring, shm, video, api."""
    page = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+x\d+, .+) \|$", page, re.MULTILINE)
    return [row.split(" | ") for row in rows]


@pytest.mark.parametrize("row", sizing_table(), ids=lambda row: row[0])
def test_sizing_table_says_what_the_sums_say(row: list[str], tmp_path: Path) -> None:
    what, *said = row
    size, _, kind = what.partition(", ")
    held = settings(documents("base"), tmp_path).model_dump(mode="json")
    held["video"]["source"] = f"pattern://{size}@30"
    if kind == "relayed JPEGs":
        relay = json.loads(config(documents("relay")))
        held["video"]["source"] = relay["video"]["source"]
        held["api"]["limits"]["max_variants"] = relay["api"]["limits"]["max_variants"]
    need = PodMemory(Settings.model_validate(held))
    tmp = in_memory_bytes("base", "api-tmp")
    shared = rounded_mib(need.shared_bytes)
    assert said == [
        f"{need.ring_bytes / 2**20:.1f} MiB",
        shared,
        rounded_mib(need.video_bytes(quantity_bytes(shared), tmp)),
        rounded_mib(need.api_bytes(tmp)),
    ]


def test_pods_have_what_the_sizing_table_says() -> None:
    rows = {what: said for what, _, *said in sizing_table()}
    assert len(rows) == 5
    wanted = {"relay": "1920x1080, relayed JPEGs"}
    for name in RENDERED:
        stack = documents(name)
        shm, video, api = rows[wanted.get(name, "1920x1080, pixels")]
        assert volume(stack, "shm")["emptyDir"]["sizeLimit"] == shm
        assert containers(stack)["video"]["resources"]["limits"]["memory"] == video
        assert containers(stack)["api"]["resources"]["limits"]["memory"] == api
