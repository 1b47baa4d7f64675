"""The numbers of all workers in Prometheus's format, made anew at each scrape.

No number is kept here, and no registry of the library's: what is counted stands in the ledger.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from services.api.breath import breathe
from services.api.instruments import CAMERA_COUNTERS, CAMERA_GAUGES, HISTOGRAMS
from shared.ring.attachment import Condition
from shared.version import version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.api.cameras import Cameras
    from services.api.histogram import Histogram
    from services.api.workers import Together

__all__ = ["expose"]

_PREFIX: Final = "ringcast_"


def expose(cameras: Cameras, accept: str = "") -> tuple[bytes, str]:
    """Every number of all workers.

    Args:
        cameras: Of the worker that was asked.
        accept: The request's header of that name.

    Returns:
        The document and its content type: OpenMetrics for those who ask for it.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(cameras))
    encoder, content_type = _format_for(accept)
    return encoder(registry), content_type


def _format_for(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    try:
        return choose_encoder(accept)
    except TypeError:  # UPSTREAM: prometheus_client 0.26, for version=x; the plain format will do
        return generate_latest, CONTENT_TYPE_PLAIN_0_0_4


@dataclass(frozen=True, slots=True)
class _Seen:
    """One camera: what all workers know of it, and what this one sees."""

    name: str
    together: Together
    status: dict[str, Any]


class _Numbers(Collector):
    def __init__(self, cameras: Cameras) -> None:
        self._cameras = cameras

    def collect(self) -> Iterator[Metric]:
        """All numbers as of the beginning; others have a turn after each family.

        Of 64 cameras the whole text takes 25 ms.
        """
        for family in self._families():
            yield family
            breathe()

    def _families(self) -> Iterator[Metric]:
        cameras = self._cameras
        cameras.workers.publish()
        known = cameras.workers.together()
        named = [(name, cameras.named(name)) for name in cameras.names()]
        seen = [_Seen(name, known[cameras.sheet(each)], each.status()) for name, each in named]
        yield from _about_counters(seen)
        yield from _about_variants(seen)
        yield from _about_histograms(seen)
        yield from _about_cameras(seen)
        yield from _about_room(seen[0].status["shm"])
        text = "Workers there are, those that have just been started among them."
        yield GaugeMetricFamily(_PREFIX + "workers", text, value=cameras.workers.living())
        yield _lateness(cameras.workers.lateness())
        build = GaugeMetricFamily(_PREFIX + "build_info", "1: which version.", labels=("version",))
        build.add_metric((version(),), 1)
        yield build


def _about_counters(seen: list[_Seen]) -> Iterator[Metric]:
    for name, text, value in CAMERA_COUNTERS:
        family = CounterMetricFamily(_PREFIX + name, text, labels=("camera",))
        for each in seen:
            family.add_metric((each.name,), value(each.together))
        yield family


def _about_variants(seen: list[_Seen]) -> Iterator[Metric]:
    labels = ("camera", "variant")
    text = (
        "Frames encoded, by what they became; at most 64 variants per worker and camera, the rest "
        "as other. Per part sent, see ringcast_parts_sent, it says how often one encoding served."
    )
    encoded = CounterMetricFamily(_PREFIX + "frames_encoded", text, labels=labels)
    text = "Streams open by variant, as of the last second; ringcast_clients is their sum, at once."
    clients = GaugeMetricFamily(_PREFIX + "variant_clients", text, labels=labels)
    for each in seen:
        for variant, count in each.together.counters.variants.items():
            encoded.add_metric((each.name, variant), count)
        for variant, count in each.together.watching.items():
            clients.add_metric((each.name, variant), count)
    yield encoded
    yield clients


def _about_histograms(seen: list[_Seen]) -> Iterator[Metric]:
    for name, text, value in HISTOGRAMS:
        family = HistogramMetricFamily(_PREFIX + name, text, labels=("camera",))
        for each in seen:
            histogram = value(each.together.counters)
            family.add_metric((each.name,), _buckets(histogram), sum_value=histogram.sum)
        yield family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    names = [*(f"{bound:g}" for bound in histogram.bounds), "+Inf"]
    return list(zip(names, itertools.accumulate(histogram.counts), strict=True))


def _about_cameras(seen: list[_Seen]) -> Iterator[Metric]:
    text = "Streams open now, in all workers."
    clients = GaugeMetricFamily(_PREFIX + "clients", text, labels=("camera",))
    for each in seen:
        clients.add_metric((each.name,), each.together.clients)
    yield clients
    for name, text, value in CAMERA_GAUGES:
        family = GaugeMetricFamily(_PREFIX + name, text, labels=("camera",))
        for each in seen:
            found = value(each.status)
            if found is not None:
                family.add_metric((each.name,), found)
        yield family
    text = "1 for how the Video Module fares, 0 for the others: live, stalled, gone, incompatible."
    condition = GaugeMetricFamily(
        _PREFIX + "camera_condition", text, labels=("camera", "condition")
    )
    for each in seen:
        for one in Condition:
            condition.add_metric((each.name, str(one)), one == each.status["condition"])
    yield condition


def _about_room(sizes: dict[str, Any]) -> Iterator[Metric]:
    texts = {
        "total": ("shared_memory_size_bytes", "Size of the file system that holds the rings."),
        "used": ("shared_memory_used_bytes", "Of it taken, by whomever."),
        "free": ("shared_memory_free_bytes", "Of it free for us."),
    }
    for key, (name, text) in texts.items():
        family = GaugeMetricFamily(_PREFIX + name, text)
        if sizes[key] is not None:
            family.add_metric((), sizes[key])
        yield family


def _lateness(by_worker: dict[int, dict[str, float]]) -> Metric:
    late = GaugeMetricFamily(
        _PREFIX + "worker_late_seconds",
        "How late a worker's turns were in the last minute: median, 99th percentile, worst.",
        labels=("worker", "rank"),
    )
    for place, summary in by_worker.items():
        for rank, late_ms in summary.items():
            late.add_metric((str(place), rank), late_ms / 1e3)
    return late
