"""The measurement for people, and for machines."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from services.latency.tally import Report, Spread
    from shared.clock_offset import Offset

__all__ = ["as_json", "as_text", "remarks"]

_OTHER_MACHINE: Final = -1.0
"""An age this far below nothing, milliseconds, is no rounding."""


def remarks(report: Report, offset: Offset | None) -> list[str]:
    """What has to be known to read the numbers, a sentence each."""
    if not report.received:
        return ["Nothing was received."]
    found = [_of_pictures(report)]
    if report.age_ms is None and report.received > report.blank:
        found.append("Nothing says when these frames were captured: there is no age.")
    found += _of_clocks(report, offset)
    if report.missing:
        found.append(
            "Missing are also frames that the client did not want (fps=...); the status document "
            "counts them apart: skipped, and dropped where the client was too late."
        )
    if report.blank:
        found.append(f"{report.blank} blanks: the camera gave nothing. They count for no age.")
    if report.epochs > 1:
        found.append(f"The ring was made anew {report.epochs - 1} times meanwhile.")
    return found


def _of_pictures(report: Report) -> str:
    if report.coded == report.received - report.blank:
        return "Number and time were read from the pictures: they are what was seen."
    if report.coded:
        return (
            f"Only {report.coded} of {report.received} pictures could be read by machine; for the "
            "others X-Frame-Number and X-Timestamp count."
        )
    return (
        "The pictures hold no code, as those of any real camera: number and time are those of "
        "X-Frame-Number and X-Timestamp, and torn pictures cannot be told."
    )


def _of_clocks(report: Report, offset: Offset | None) -> list[str]:
    if offset is not None and offset.differs:
        bounds = f"{offset.least_ms:.1f} to {offset.most_ms:.1f} ms"
        difference = f"The clocks differ: it is {bounds} later here than at the server."
        return [f"{difference} Every age is wrong by that; jitter is not."]
    if report.age_ms is not None and report.age_ms.p50 < _OTHER_MACHINE:
        return ["Frames arrive before they were captured: the clocks differ. Jitter holds."]
    return []


def as_json(report: Report, offset: Offset | None, url: str, ended: str) -> str:
    """One JSON object."""
    document = {
        "url": url,
        **asdict(report),
        "clock_offset_ms": None if offset is None else [offset.least_ms, offset.most_ms],
        "ended": ended or None,
        "remarks": remarks(report, offset),
    }
    return json.dumps(document, indent=2) + "\n"


def as_text(report: Report, offset: Offset | None, url: str, ended: str) -> str:
    """A table, the counts, the remarks."""
    share = 100 * report.missing / report.expected if report.expected else 0.0
    lines = [
        f"{url}: {report.received} frames in {report.seconds:.1f} s",
        "",
        f"{'ms':<8}{'p50':>10}{'p95':>10}{'p99':>10}{'max':>10}",
        _row("age", report.age_ms),
        _row("jitter", report.jitter_ms),
        _row("gap", report.gap_ms),
        "",
        f"fps {report.fps:.2f}, {report.bytes_per_s * 8 / 1e6:.2f} Mbit/s",
        (
            f"missing {report.missing} of {report.expected} numbers ({share:.2f} %), repeated "
            f"{report.repeated}, backwards {report.backwards}"
        ),
        (
            f"torn {report.torn}, of another frame than said {report.contradicting}, blank "
            f"{report.blank}"
        ),
        "",
        *remarks(report, offset),
    ]
    if ended:
        lines.append(f"It ended early: {ended}")
    return "\n".join(lines) + "\n"


def _row(name: str, values: Spread | None) -> str:
    if values is None:
        return f"{name:<8}" + f"{'-':>10}" * 4
    numbers = (values.p50, values.p95, values.p99, values.max)
    return f"{name:<8}" + "".join(f"{value:>10.2f}" for value in numbers)
