"""The pods fit the images, the settings, each other and the restricted Pod Security Standard."""

from __future__ import annotations

import copy
import importlib.util
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import flask
import pytest
import yaml

from services.api.routes import health
from shared.errors import ConfigError
from shared.settings import load_settings
from tests.support.manifests import (
    KUBERNETES,
    RENDERED,
    SHARED_MEMORY,
    config,
    containers,
    documents,
    pod_spec,
    settings,
    volume,
)
from tests.support.pod_security import violations

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).resolve().parents[2]
SECRETS: Final = {("ringcast", "credentials"), ("ringcast", "source"), ("ringcast-relay", "token")}
SHUTDOWN_OF_VIDEO_SEC: Final = 5

every_pod = pytest.mark.parametrize("name", RENDERED)


def dockerfile(service: str) -> str:
    return (ROOT / f"Dockerfile.{service}").read_text(encoding="utf-8")


@every_pod
def test_pod_is_admitted_as_restricted(name: str) -> None:
    assert violations(pod_spec(documents(name))) == []


LOOSENED: Final[dict[str, Callable[[dict[str, Any]], object]]] = {
    "hostIPC": lambda it: it.update(hostIPC=True),
    "hostNetwork": lambda it: it.update(hostNetwork=True),
    "volume shm of kind hostPath": lambda it: it["volumes"].__setitem__(
        0, {"name": "shm", "hostPath": {"path": SHARED_MEMORY}}
    ),
    "runAsNonRoot is not true": lambda it: it["securityContext"].pop("runAsNonRoot"),
    "no seccomp profile": lambda it: it["securityContext"].pop("seccompProfile"),
    "runs as root": lambda it: it["securityContext"].update(runAsUser=0),
    "capabilities are not dropped": lambda it: it["containers"][0]["securityContext"].pop(
        "capabilities"
    ),
    "allowPrivilegeEscalation is not false": lambda it: it["initContainers"][0][
        "securityContext"
    ].pop("allowPrivilegeEscalation"),
    "privileged": lambda it: it["containers"][0]["securityContext"].update(privileged=True),
    "hostPort 80": lambda it: it["containers"][0]["ports"][0].update(hostPort=80),
    "livenessProbe of another host": lambda it: it["containers"][0]["livenessProbe"][
        "httpGet"
    ].update(host="192.0.2.7"),
}


@pytest.mark.parametrize("what", LOOSENED)
def test_pod_that_asks_for_more_is_not(what: str) -> None:
    spec = copy.deepcopy(pod_spec(documents("base")))
    LOOSENED[what](spec)
    found = violations(spec)
    assert found
    assert all(sentence.endswith(what) for sentence in found)


@every_pod
def test_containers_run_as_the_user_of_the_images_and_write_nowhere_else(name: str) -> None:
    stack = documents(name)
    context = pod_spec(stack)["securityContext"]
    user = f"{context['runAsUser']}:{context['runAsGroup']}"
    assert context["fsGroup"] == context["runAsGroup"]
    for service in ("video", "api"):
        assert re.findall(r"^USER (.+)$", dockerfile(service), re.MULTILINE) == [user]
    for container in containers(stack).values():
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod_spec(stack)["automountServiceAccountToken"] is False


@every_pod
def test_images_are_those_that_compose_builds(name: str) -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    built = {
        service: re.findall(r":-(.+)}", compose["services"][service]["image"])[0]
        for service in ("video", "api")
    }
    pods = containers(documents(name))
    assert {service: pods[service]["image"] for service in built} == built
    assert all("command" not in container for container in pods.values()), "the images' own"


def test_vision_image_is_the_one_its_dockerfile_is_built_as() -> None:
    text = (KUBERNETES / "overlays" / "vision" / "Dockerfile").read_text(encoding="utf-8")
    assert containers(documents("vision"))["vision"]["image"] in text
    assert f"VIDEO_IMAGE={containers(documents('vision'))['video']['image']}" in text
    (copied,) = re.findall(r"^COPY (\S+) /app/(\S+)$", text, re.MULTILINE)
    assert (ROOT / "examples" / copied[0]).is_file()
    assert f'"{copied[1]}"' in text


@every_pod
def test_settings_are_valid_and_fit_the_pod(name: str, tmp_path: Path) -> None:
    stack = documents(name)
    held = settings(stack, tmp_path)
    assert held.video.use_shared_memory
    assert held.api.host == "0.0.0.0"  # noqa: S104 - in a pod
    assert held.api.workers > 0, "0 would count the cores of the node"
    for service in ("video", "api"):
        container = containers(stack)[service]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        (path,) = [each["value"] for each in container["env"] if each["name"] == "RINGCAST_CONFIG"]
        assert path == f"{mounts['config']}/config.json"
        assert mounts["shm"] == str(held.video.shared_memory_directory)
    ports = {port["name"]: port["containerPort"] for port in containers(stack)["api"]["ports"]}
    assert ports == {"http": held.api.port}


@every_pod
def test_cluster_sets_no_variables_that_look_like_settings(name: str) -> None:
    """For a Service named ringcast it would: RINGCAST_PORT, which stops our services."""
    with pytest.raises(ConfigError, match="RINGCAST_PORT"):
        load_settings(environ={"RINGCAST_PORT": "tcp://10.0.0.7:80"})
    assert pod_spec(documents(name))["enableServiceLinks"] is False


@every_pod
def test_nobody_sees_the_cameras_without_a_credential(name: str, tmp_path: Path) -> None:
    stack = documents(name)
    auth = settings(stack, tmp_path).api.auth
    assert auth.mode == "required"
    (mount,) = [m for m in containers(stack)["api"]["volumeMounts"] if m["name"] == "credentials"]
    source = volume(stack, "credentials")["secret"]
    (item,) = source["items"]
    assert str(auth.credentials_file) == f"{mount['mountPath']}/{item['path']}"
    assert source["defaultMode"] == 0o440, "for the pod's group, not for everybody"


@every_pod
def test_secrets_are_referred_to_and_never_written(name: str) -> None:
    stack = documents(name)
    assert "Secret" not in {document["kind"] for document in stack}
    named = {
        (each["secret"]["secretName"], item["key"])
        for each in pod_spec(stack)["volumes"]
        if "secret" in each
        for item in each["secret"]["items"]
    } | {
        (reference["name"], reference["key"])
        for container in containers(stack).values()
        for variable in container.get("env", [])
        if (reference := variable.get("valueFrom", {}).get("secretKeyRef"))
    }
    assert named <= SECRETS


@every_pod
def test_shared_memory_is_one_volume_and_nothing_else_is_shared(name: str) -> None:
    every = containers(documents(name))
    users: dict[str, list[str]] = {}
    for service, container in every.items():
        for mount in container["volumeMounts"]:
            if not mount.get("readOnly"):
                users.setdefault(mount["name"], []).append(service)
    assert users.pop("shm") == ["video", "api"]
    assert all(len(services) == 1 for services in users.values())


def test_vision_reads_the_ring_and_may_not_write_it() -> None:
    (mount,) = containers(documents("vision"))["vision"]["volumeMounts"]
    assert mount == {"name": "shm", "mountPath": SHARED_MEMORY, "readOnly": True}


@every_pod
def test_video_is_a_sidecar_where_there_are_any(name: str) -> None:
    spec = pod_spec(documents(name))
    first = [container["name"] for container in spec["containers"]]
    if name == "plain-pod":
        assert "initContainers" not in spec
        assert first == ["video", "api"]
        assert not any("restartPolicy" in container for container in spec["containers"])
    else:
        (video,) = spec["initContainers"]
        assert (video["name"], video["restartPolicy"]) == ("video", "Always")
        assert first[0] == "api"


@every_pod
def test_probes_ask_for_what_there_is(name: str) -> None:
    app = flask.Flask("probes")
    app.register_blueprint(health.routes)
    paths = {rule.rule for rule in app.url_map.iter_rules()}
    every = containers(documents(name))
    api, video = every["api"], every["video"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        handler = api[probe]["httpGet"]
        assert handler["path"] in paths
        assert handler["port"] in [port["name"] for port in api["ports"]]
    assert api["livenessProbe"]["httpGet"]["path"] == "/healthz", "not how fresh frames are"
    assert api["readinessProbe"]["httpGet"]["path"] == "/readyz"
    for probe in ("startupProbe", "livenessProbe"):
        python, option, module = video[probe]["exec"]["command"]
        assert (python, option) == ("python", "-m")
        assert importlib.util.find_spec(module)
        assert f"COPY {module.rpartition('.')[0].replace('.', '/')} " in dockerfile("video")
        assert f'"{module}"' in dockerfile("video"), "as the image itself is asked"


def slept_sec(container: dict[str, Any]) -> int:
    """How long a container is let alone before it is told to end."""
    handler = container["lifecycle"]["preStop"]
    if "sleep" in handler:
        return int(handler["sleep"]["seconds"])
    (seconds,) = re.findall(r"sleep\((\d+)\)", handler["exec"]["command"][-1])
    return int(seconds)


@every_pod
def test_grace_period_is_long_enough_to_drain(name: str) -> None:
    stack = documents(name)
    api = json.loads(config(stack))["api"]
    drain = api.get("drain_spread_sec", 0) + 2 * api["drain_timeout_sec"]
    needed = slept_sec(containers(stack)["api"]) + drain + SHUTDOWN_OF_VIDEO_SEC
    assert pod_spec(stack)["terminationGracePeriodSeconds"] >= needed


def test_video_outlives_the_streams_of_the_plain_pod() -> None:
    """A sidecar does so by itself."""
    every = containers(documents("plain-pod"))
    spread = json.loads(config(documents("plain-pod")))["api"].get("drain_spread_sec", 0)
    assert slept_sec(every["video"]) > slept_sec(every["api"]) + spread
