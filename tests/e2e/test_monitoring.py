"""What deploy/monitoring asks for exists, its rules hold, and a real Prometheus takes it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
import yaml

from tests.support.audience import Viewer
from tests.support.processes import wait_until
from tests.support.prometheus import MONITORING, Prometheus
from tests.support.scrape import Scrape
from tests.support.streams import STREAM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import Api, Services

ROOT: Final = Path(__file__).resolve().parents[2]
DASHBOARD: Final = MONITORING / "grafana" / "dashboards" / "ringcast.json"
NAME: Final = re.compile(r"\bringcast[a-z0-9_:]*")
TOKEN: Final = "metrics-metrics-metrics"  # noqa: S105 - opens a test's API


def document(path: Path) -> Any:  # noqa: ANN401 - JSON or YAML
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    groups = document(MONITORING / "rules.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    yield from (each["query"]["query"] for each in dashboard["templating"]["list"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what is deployed, with a token."""
    shutil.copytree(MONITORING, tmp_path / "monitoring")
    shutil.copy(MONITORING / "no-token", tmp_path / "monitoring" / "token")
    return tmp_path / "monitoring"


@pytest.mark.process
@pytest.mark.e2e
def test_every_metric_of_rules_and_dashboard_is_in_a_real_scrape(running: Api) -> None:
    viewer = Viewer(running.url + STREAM)
    try:
        wait_until(lambda: "ringcast_variant_clients" in Scrape(running).names, "a client")
        known = Scrape(running).names | {rule["record"] for rule in rules() if "record" in rule}
    finally:
        viewer.leave()
    asked = {name for expression in expressions() for name in NAME.findall(expression)}
    assert asked - {"ringcast"} - known == set()  # that one is the job
    assert len(asked) > 25


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
    ],
    ids=" ".join,
)
def test_prometheus_own_tool_agrees(folder: Path, arguments: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    assert promtool is not None, "promtool: apt-get install prometheus"
    done = subprocess.run(
        [promtool, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_says_what_to_do_and_is_tested() -> None:
    alerts = {rule["alert"]: rule for rule in rules() if "alert" in rule}
    tested = (MONITORING / "rules_test.yml").read_text(encoding="utf-8")
    for name, rule in alerts.items():
        assert set(rule["annotations"]) == {"summary", "action"}
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert f'alertname="{name}"' in tested


def test_panels_have_units_and_explanations_and_fit_a_laptop() -> None:
    for panel in panels():
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        place = panel["gridPos"]
        assert place["w"] >= 4
        assert place["x"] + place["w"] <= 24, "Grafana's grid"
    datasource = document(MONITORING / "grafana/provisioning/datasources/ringcast.yml")
    uid = datasource["datasources"][0]["uid"]
    assert {panel["datasource"]["uid"] for panel in panels()} == {uid}


def test_profile_leaves_the_default_stack_alone_and_opens_nothing_to_the_network() -> None:
    services = document(ROOT / "compose.yaml")["services"]
    assert {name for name, each in services.items() if "profiles" not in each} == {"video", "api"}
    for name in ("prometheus", "grafana"):
        service = services[name]
        assert service["profiles"] == ["monitoring"]
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", service["image"]), "pinned"
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert {"mem_limit", "cpus", "pids_limit"} <= set(service)
        mounts = [mount for mount in service["volumes"] if not mount.startswith(f"{name}-data:")]
        assert mounts
        assert all(mount.endswith(":ro") for mount in mounts)
        for mount in mounts:
            source = re.sub(r"^\$\{\w+:-(.+?)\}", r"\1", mount).split(":")[0]
            assert (ROOT / source).exists()


@pytest.mark.docker
def test_compose_takes_the_profile() -> None:
    def named(*arguments: str) -> set[str]:
        command = ["docker", "compose", *arguments, "config", "--services"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    assert named() == {"video", "api"}
    assert named("--profile", "monitoring") == {"video", "api", "prometheus", "grafana"}


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.e2e
@pytest.mark.timeout(180)
def test_prometheus_scrapes_a_running_api_with_a_token_and_the_rules_follow(
    service: Services, tmp_path: Path
) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text(f"metrics token {TOKEN}\nview token view-view-view-view\n")
    video = service.video()
    api = service.api(api__workers=2, api__auth__credentials_file=credentials)
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with Prometheus(folder, api, TOKEN) as prometheus:
        rate = "rate(ringcast_frames_captured_total[10s])"
        wait_until(lambda: 20 < (prometheus.value(rate) or 0) < 40, "30 frames per second")
        assert prometheus.value('up{job="ringcast"}') == 1
        assert prometheus.value("count(ringcast_build_info)") == 1
        wait_until(lambda: prometheus.rules_health() == {"ok"}, "all rules to be evaluated")
        assert prometheus.alerts() == set()
        for panel in panels():
            for target in panel["targets"]:
                shown = target["expr"].replace("$camera", ".*").replace("$__rate_interval", "5s")
                assert prometheus.ask(f"query?query={quote(shown)}")["resultType"] == "vector"
        video.stop()
        wanted = {"RingcastCameraOffline", "RingcastNoFreshFrames"}
        wait_until(
            lambda: wanted <= prometheus.alerts(), "the alerts of a Video Module that is gone"
        )
        api.stop()
        wait_until(lambda: "RingcastNoScrape" in prometheus.alerts(), "the alert of a dead API")
