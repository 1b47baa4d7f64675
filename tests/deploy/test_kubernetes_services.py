"""What stands around the pods finds them: Services, policies, autoscalers, monitors, relays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import flask
import pytest
import yaml

from services.api.routes import metrics
from services.video.sources.address import Kind, classify
from tests.support.manifests import (
    KUBERNETES,
    RENDERED,
    chosen,
    containers,
    documents,
    one,
    pod_labels,
    pod_spec,
    settings,
    volume,
)

if TYPE_CHECKING:
    from pathlib import Path

SCALED: Final = [name for name in RENDERED if name != "usb-camera"]
SECRETS_OF_MONITORING: Final = ("ringcast", "metrics-token")

every_pod = pytest.mark.parametrize("name", RENDERED)


@every_pod
def test_every_selector_chooses_its_own_pods_and_no_others(name: str) -> None:
    stack = documents(name)
    own = pod_labels(stack)
    other = pod_labels(documents("base" if name == "relay" else "relay"))
    selectors = [
        document["spec"].get("selector") or document["spec"]["podSelector"]
        for document in stack
        if document["kind"] in {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
    ] + [each["labelSelector"] for each in pod_spec(stack).get("topologySpreadConstraints", [])]
    assert len(selectors) >= 3
    for selector in selectors:
        assert chosen(selector, own)
        assert not chosen(selector, other)


@every_pod
def test_service_leads_to_the_api_and_the_policy_lets_it(name: str) -> None:
    stack = documents(name)
    ports = {port["name"]: port["containerPort"] for port in containers(stack)["api"]["ports"]}
    (service_port,) = one(stack, "Service")["spec"]["ports"]
    assert service_port["targetPort"] in ports
    policy = one(stack, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (way_in,) = policy["ingress"]
    assert way_in == {"ports": [{"protocol": "TCP", "port": ports[service_port["targetPort"]]}]}
    names, *_ = policy["egress"]
    assert {(each["protocol"], each["port"]) for each in names["ports"]} == {
        ("UDP", 53),
        ("TCP", 53),
    }


@every_pod
def test_service_is_a_name_that_the_api_answers_to(name: str, tmp_path: Path) -> None:
    stack = documents(name)
    allowed = settings(stack, tmp_path).api.http.allowed_hosts
    assert one(stack, "Service")["metadata"]["name"] in allowed
    assert ".svc.cluster.local" in allowed


@pytest.mark.parametrize("name", SCALED)
def test_autoscaler_looks_at_a_container_that_there_is(name: str) -> None:
    stack = documents(name)
    spec = one(stack, "HorizontalPodAutoscaler")["spec"]
    deployment = one(stack, "Deployment")
    assert spec["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": "Deployment",
        "name": deployment["metadata"]["name"],
    }
    assert "replicas" not in deployment["spec"], "each apply would undo the autoscaler's work"
    (metric,) = spec["metrics"]
    resource = metric["containerResource"]
    container = containers(stack)[resource["container"]]
    assert resource["target"]["type"] == "Utilization"
    assert resource["name"] in container["resources"]["requests"], "what it is a share of"
    assert 1 <= spec["minReplicas"] < spec["maxReplicas"]


@pytest.mark.parametrize("name", SCALED)
def test_disruption_budget_never_keeps_a_node_from_being_drained(name: str) -> None:
    budget = one(documents(name), "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert "minAvailable" not in budget


def test_usb_camera_is_opened_by_one_pod_at_a_time(tmp_path: Path) -> None:
    stack = documents("usb-camera")
    deployment = one(stack, "Deployment")["spec"]
    assert deployment["replicas"] == 1
    assert deployment["strategy"] == {"type": "Recreate"}
    kinds = {document["kind"] for document in stack}
    assert not kinds & {"HorizontalPodAutoscaler", "PodDisruptionBudget"}
    resources = containers(stack)["video"]["resources"]
    (device,) = [key for key in resources["limits"] if "/" in key]
    assert resources["requests"][device] == resources["limits"][device] == 1
    assert classify(settings(stack, tmp_path).video.source).kind is Kind.DEVICE
    assert pod_spec(stack)["securityContext"]["supplementalGroups"] == [44]


def test_relay_follows_the_origin_and_may_reach_nothing_else(tmp_path: Path) -> None:
    stack, origin = documents("relay"), documents("base")
    video = settings(stack, tmp_path).video
    source = urlsplit(video.source)
    service = one(origin, "Service")
    assert source.hostname == service["metadata"]["name"]
    assert (source.port or 80) == service["spec"]["ports"][0]["port"]
    assert source.path == "/stream/video"
    _, to_origin = one(stack, "NetworkPolicy")["spec"]["egress"]
    (peer,) = to_origin["to"]
    assert chosen(peer["podSelector"], pod_labels(origin))
    assert not chosen(peer["podSelector"], pod_labels(stack))
    (way_in,) = one(origin, "NetworkPolicy")["spec"]["ingress"]
    assert to_origin["ports"] == way_in["ports"]
    names = {(each["kind"], each["metadata"]["name"]) for each in stack}
    assert not names & {(each["kind"], each["metadata"]["name"]) for each in origin}


def test_relay_shows_the_origin_a_token_and_spreads_its_streams(tmp_path: Path) -> None:
    stack = documents("relay")
    held = settings(stack, tmp_path).model_dump(mode="json")
    (mount,) = [m for m in containers(stack)["video"]["volumeMounts"] if m["name"] == "relay-token"]
    secret = volume(stack, "relay-token")["secret"]
    (item,) = secret["items"]
    assert held["video"]["relay"]["token_file"] == f"{mount['mountPath']}/{item['path']}"
    assert secret["defaultMode"] == 0o440
    assert held["api"]["limits"]["max_stream_age_sec"] > 0
    assert "VIDEO_SOURCE" not in {each["name"] for each in containers(stack)["video"]["env"]}
    assert one(stack, "HorizontalPodAutoscaler")["spec"]["minReplicas"] >= 2


def test_service_monitor_finds_every_service_and_shows_a_credential() -> None:
    """Its schema is the Prometheus Operator's, which the validator does not know."""
    path = KUBERNETES / "components" / "service-monitor" / "service-monitor.yaml"
    monitor = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (monitor["apiVersion"], monitor["kind"]) == (
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
    )
    assert monitor.keys() == {"apiVersion", "kind", "metadata", "spec"}
    assert monitor["spec"].keys() == {"selector", "endpoints"}
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint.keys() == {"port", "path", "interval", "authorization"}
    app = flask.Flask("metrics")
    app.register_blueprint(metrics.routes)
    assert endpoint["path"] in {rule.rule for rule in app.url_map.iter_rules()}
    shown = endpoint["authorization"]["credentials"]
    assert (shown["name"], shown["key"]) == SECRETS_OF_MONITORING
    for name in RENDERED:
        service = one(documents(name), "Service")
        assert chosen(monitor["spec"]["selector"], service["metadata"]["labels"])
        assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
