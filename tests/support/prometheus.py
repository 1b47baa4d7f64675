"""Prometheus from Debian with the rules of deploy/monitoring, asking a running API."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

import yaml

from tests.support.mjpeg_client import get
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.support.processes import Api

__all__ = ["MONITORING", "Prometheus"]

MONITORING: Final = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"


class Prometheus:
    """One running Prometheus; its files are in a test's folder.

    Args:
        folder: For them.
        api: Whom it asks, instead of ``api:8000`` and more often; else as deployed.
        token: What it shows the API.
    """

    def __init__(self, folder: Path, api: Api, token: str) -> None:
        program = shutil.which("prometheus")
        assert program is not None, "prometheus: apt-get install prometheus"
        document = yaml.safe_load((MONITORING / "prometheus.yml").read_text(encoding="utf-8"))
        document["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
        (job,) = document["scrape_configs"]
        job["static_configs"] = [{"targets": [api.url.removeprefix("http://")]}]
        configuration = folder / "prometheus.yml"
        configuration.write_text(yaml.safe_dump(document), encoding="utf-8")
        (folder / "token").write_text(token, encoding="utf-8")
        shutil.copy(MONITORING / "rules.yml", folder)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}"
        self._log = folder / "prometheus.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program,
                    f"--config.file={configuration}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        try:
            wait_until(self._ready, "Prometheus")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, and print its log."""
        self._process.terminate()
        self._process.wait(20.0)
        print(self._log.read_text(encoding="utf-8"))  # noqa: T201 - shown on failure

    def ask(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """``data`` of an answer of its HTTP interface."""
        code, _, body = get(f"{self._url}/api/v1/{path}")
        assert code == 200, body
        return json.loads(body)["data"]

    def value(self, expression: str) -> float | None:
        """Value of an expression now; None: it has none, or several."""
        result = self.ask(f"query?query={quote(expression)}")["result"]
        return float(result[0]["value"][1]) if len(result) == 1 else None

    def alerts(self) -> set[str]:
        """Names of all alerts that are pending or firing."""
        return {alert["labels"]["alertname"] for alert in self.ask("alerts")["alerts"]}

    def rules_health(self) -> set[str]:
        """How all rules fare: ``ok``, ``unknown`` (not evaluated yet), ``err``."""
        groups = self.ask("rules")["groups"]
        return {rule["health"] for group in groups for rule in group["rules"]}

    def _ready(self) -> bool:
        assert self._process.poll() is None, self._log.read_text(encoding="utf-8")
        try:
            return get(f"{self._url}/-/ready")[0] == 200
        except OSError:
            return False
