"""The numbers of the workers' status documents, over workers that come and go."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["Totals"]

_STATES: Final = {
    *("camera", "worker", "clients", "width", "height", "fps", "frame_number", "age_ms"),
    *("source_ms", "online", "hub_late_ms"),
}
"""Numbers of the status document that say how things are now, and do not count."""


class Totals:
    """Adds up the counters of all workers, those that have ended included."""

    def __init__(self) -> None:
        self._newest: dict[int, dict[str, float]] = {}

    def add(self, polled: dict[int, dict[str, Any]]) -> dict[str, float]:
        """Take the newest status documents, by process id; returns the totals."""
        for pid, document in polled.items():
            self._newest[pid] = _numbers(document)
        totals: dict[str, float] = {}
        for pid, numbers in self._newest.items():
            for key, value in numbers.items():
                if key.partition(".")[0] not in _STATES:
                    totals[key] = totals.get(key, 0.0) + value
                elif pid in polled:
                    totals[key] = max(totals.get(key, value), value)
        return {key: round(value, 2) for key, value in totals.items() if key != "worker"}


def _numbers(document: dict[str, Any]) -> dict[str, float]:
    """Whatever is a number, one level deep: "hub_late_ms.p99"."""
    flat = dict(document)
    for name, inner in document.items():
        if isinstance(inner, dict):
            flat.update({f"{name}.{key}": value for key, value in inner.items()})
    return {
        name: float(value)
        for name, value in flat.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
