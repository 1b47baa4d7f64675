"""What ``/metrics`` says, as Prometheus's own parser reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from tests.support.mjpeg_client import get

if TYPE_CHECKING:
    from tests.support.processes import Api

__all__ = ["Scrape"]


class Scrape:
    """One scrape.

    Args:
        api: Whose.

    Attributes:
        samples: Values by name and labels.
        names: Of all samples.
        counters: Of all samples that must never go back.
    """

    def __init__(self, api: Api) -> None:
        code, headers, body = get(f"{api.url}/metrics")
        assert code == 200, body
        assert headers["content-type"].startswith("text/plain; version=0.0.4")
        self.samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        self.counters: set[str] = set()
        for family in text_string_to_metric_families(body.decode()):
            for sample in family.samples:
                self.samples[sample.name, frozenset(sample.labels.items())] = sample.value
                if family.type in {"counter", "histogram"}:
                    self.counters.add(sample.name)
        self.names = {name for name, _ in self.samples}

    def sum(self, name: str, **labels: str) -> float:
        """Sum of all samples of a name that have these labels, and perhaps others."""
        wanted = set(labels.items())
        return sum(
            value
            for (found, having), value in self.samples.items()
            if found == name and wanted <= having
        )

    def gone_back_since(self, before: Scrape) -> list[str]:
        """Counters that are lower than in an earlier scrape, or missing."""
        return [
            f"{name}{sorted(labels)}: {value} became {self.samples.get((name, labels))}"
            for (name, labels), value in before.samples.items()
            if name in before.counters and self.samples.get((name, labels), -1.0) < value
        ]
