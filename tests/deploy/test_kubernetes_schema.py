"""Every document is one that the API servers in support take, unknown fields refused."""

from __future__ import annotations

import copy
import functools
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from kubernetes_validate import ValidationError, validate  # type: ignore[import-untyped]

from tests.support.manifests import KUBERNETES, RENDERED, documents, one

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.manifests import Document

ROOT: Final = Path(__file__).resolve().parents[2]
IN_SUPPORT: Final = ("1.34", "1.35", "1.36", "1.37")
SIDECARS_FROM: Final = "1.30"
"""The kubelet sleeps before an end by itself (preStop.sleep); sidecars came with 1.29."""
PLAIN_FROM: Final = "1.25"
"""The oldest that the schemas know."""


@pytest.mark.timeout(150)  # on a clean machine kubectl is fetched
def test_plain_yaml_is_what_kustomize_makes(tmp_path: Path) -> None:
    command = ["scripts/render_kubernetes.sh", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=140, check=False
    )
    assert done.returncode == 0, done.stderr
    there = {path.name: path.read_text() for path in (KUBERNETES / "rendered").iterdir()}
    anew = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert anew.keys() == there.keys() == {f"{name}.yaml" for name in RENDERED}
    assert anew == there, "run scripts/render_kubernetes.sh"


@functools.cache
def valid(document: str, version: str) -> bool:
    """Whether a document is valid; what is the same in several overlays is looked at once."""
    return bool(validate(json.loads(document), version, strict=True) == version)


@pytest.mark.parametrize("version", [SIDECARS_FROM, *IN_SUPPORT])
@pytest.mark.parametrize("name", RENDERED)
def test_documents_are_valid(name: str, version: str) -> None:
    for document in documents(name):
        assert valid(json.dumps(document), version)


@pytest.mark.parametrize("version", [PLAIN_FROM, "1.28"])
def test_plain_pod_is_valid_where_there_are_no_sidecars(version: str) -> None:
    for document in documents("plain-pod"):
        assert validate(document, version, strict=True) == version


def test_other_pods_are_refused_where_there_are_no_sidecars() -> None:
    with pytest.raises(ValidationError):
        validate(one(documents("base"), "Deployment"), PLAIN_FROM, strict=True)


def test_namespace_is_valid_and_restricted() -> None:
    namespace = yaml.safe_load((KUBERNETES / "namespace.yaml").read_text(encoding="utf-8"))
    for version in (PLAIN_FROM, *IN_SUPPORT):
        validate(namespace, version, strict=True)
    levels = namespace["metadata"]["labels"]
    assert levels["pod-security.kubernetes.io/enforce"] == "restricted"


def rename(where: dict[str, Any], old: str, new: str) -> None:
    where[new] = where.pop(old)


def api_of(deployment: Document) -> dict[str, Any]:
    (api,) = deployment["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = api
    return found


MISSPELT: Final[dict[str, tuple[str, Callable[[Document], None]]]] = {
    "readynessProbe": (
        "Deployment",
        lambda it: rename(api_of(it), "readinessProbe", "readynessProbe"),
    ),
    "sizelimit": (
        "Deployment",
        lambda it: rename(
            it["spec"]["template"]["spec"]["volumes"][0]["emptyDir"], "sizeLimit", "sizelimit"
        ),
    ),
    "runAsNonroot": (
        "Deployment",
        lambda it: rename(
            it["spec"]["template"]["spec"]["securityContext"], "runAsNonRoot", "runAsNonroot"
        ),
    ),
    "readOnlyRootFileSystem": (
        "Deployment",
        lambda it: rename(
            api_of(it)["securityContext"], "readOnlyRootFilesystem", "readOnlyRootFileSystem"
        ),
    ),
    "targetport": (
        "Service",
        lambda it: rename(it["spec"]["ports"][0], "targetPort", "targetport"),
    ),
    "maxUnavailible": (
        "PodDisruptionBudget",
        lambda it: rename(it["spec"], "maxUnavailable", "maxUnavailible"),
    ),
    "containerresource": (
        "HorizontalPodAutoscaler",
        lambda it: rename(it["spec"]["metrics"][0], "containerResource", "containerresource"),
    ),
    "egres": ("NetworkPolicy", lambda it: rename(it["spec"], "egress", "egres")),
}


@pytest.mark.parametrize("word", MISSPELT)
def test_misspelt_field_is_refused(word: str) -> None:
    kind, misspell = MISSPELT[word]
    document = copy.deepcopy(one(documents("base"), kind))
    misspell(document)
    for version in IN_SUPPORT:
        with pytest.raises(ValidationError, match=word):
            validate(document, version, strict=True)


def test_only_strict_validation_finds_misspelt_fields() -> None:
    """Why it is strict: the others pass, and the cluster drops the field without a word."""
    document = copy.deepcopy(one(documents("base"), "Deployment"))
    rename(api_of(document), "readinessProbe", "readynessProbe")
    assert validate(document, IN_SUPPORT[-1], strict=False) == IN_SUPPORT[-1]
