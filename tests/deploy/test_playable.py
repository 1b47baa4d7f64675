"""The pod that is really run is the one in deploy/kubernetes, but for what is stated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.support.manifests import config, documents, pod_spec
from tests.support.playable import Place, playable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGES: Final = {
    "ringcast-video:dev": "localhost/video:e2e",
    "ringcast-api:dev": "localhost/api:e2e",
}
POD: Final = "Deployment/spec/template/spec"
CHANGED: Final = {
    "Deployment/metadata/name",
    *(f"{POD}/containers/{index}/image" for index in (0, 1)),
    *(f"{POD}/containers/{index}/imagePullPolicy" for index in (0, 1)),
    *(f"{POD}/containers/{index}/startupProbe" for index in (0, 1)),
    *(f"{POD}/containers/{index}/livenessProbe" for index in (0, 1)),
    f"{POD}/containers/1/readinessProbe",
    f"{POD}/containers/1/ports/0/hostPort",
    f"{POD}/containers/1/ports/0/hostIP",
    *(f"{POD}/volumes/{index}/{kind}" for index in (0, 1, 2) for kind in ("emptyDir", "hostPath")),
    f"{POD}/volumes/4/secret",
    f"{POD}/volumes/4/hostPath",
}


def differences(one: object, other: object, path: str) -> Iterator[str]:
    """Paths at which two documents differ; of what only one has, the topmost."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            if key not in one or key not in other:
                yield f"{path}/{key}"
            else:
                yield from differences(one[key], other[key], f"{path}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{path}/{index}")
    elif one != other:
        yield path


def test_nothing_else_is_changed(tmp_path: Path) -> None:
    place = Place("e2e-pod", tmp_path, 12345, IMAGES)
    before = {each["kind"]: each for each in documents("plain-pod")}
    after = {each["kind"]: each for each in playable(documents("plain-pod"), place)}
    assert after.keys() == {"ConfigMap", "Deployment"}
    changed = {path for kind in after for path in differences(before[kind], after[kind], kind)}
    assert changed == CHANGED


def test_changes_say_what_the_pod_needs_of_this_machine(tmp_path: Path) -> None:
    place = Place("e2e-pod", tmp_path, 12345, IMAGES)
    playable(documents("plain-pod"), place)
    assert place.memories == {
        tmp_path / "shm": 192 * 2**20,
        tmp_path / "video-tmp": 16 * 2**20,
        tmp_path / "api-tmp": 16 * 2**20,
    }
    assert place.secrets == {tmp_path / "credentials" / "credentials": ("ringcast", "credentials")}


def test_relay_is_changed_in_two_more_places(tmp_path: Path) -> None:
    place = Place("e2e-relay", tmp_path, 12345, IMAGES, "192.0.2.7")
    played = playable(documents("relay"), place)
    spec = pod_spec(played)
    assert [container["name"] for container in spec["containers"]] == ["video", "api"]
    assert "initContainers" not in spec
    assert spec["hostAliases"] == [{"ip": "192.0.2.7", "hostnames": ["ringcast"]}]
    assert "http://ringcast:8000/stream/video" in config(played)
    assert place.secrets[tmp_path / "relay-token" / "token"] == ("ringcast-relay", "token")
