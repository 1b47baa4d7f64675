"""The findings for people, and for machines."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from services.doctor.finding import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.doctor.finding import Finding

__all__ = ["as_json", "as_text", "worst"]

_INDENT: Final = " " * 6


def worst(findings: Sequence[Finding]) -> Level:
    """The level of the worst."""
    return max((finding.level for finding in findings), default=Level.OK)


def as_json(findings: Sequence[Finding]) -> str:
    """One JSON object."""
    listed = [{**asdict(each), "level": each.level.name.lower()} for each in findings]
    document = {"level": worst(findings).name.lower(), "findings": listed}
    return json.dumps(document, indent=2) + "\n"


def as_text(findings: Sequence[Finding]) -> str:
    """A line for each, and below it the lines that would fix it."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.level.name.lower():<8} {finding.topic}: {finding.text}")
        for fix in finding.fixes:
            lines += [f"    {fix.where}:", textwrap.indent(fix.lines, _INDENT)]
    return "\n".join(lines) + "\n"
