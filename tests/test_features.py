"""Whatever docs/features.md says that we have, a test of ours proves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.python_files import functions

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "features.md"
ROWS: Final = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in re.findall(r"^\|.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    if line.count("|") == 9 and "---" not in line
]
OURS: Final = {row[0]: row[1] for row in ROWS if row[1] != "Ringcast"}
PROOF: Final = re.compile(r"\[✓\]\(\.\./(tests/[\w/]+\.py)#(test_\w+)\)")


def test_every_section_has_the_same_columns() -> None:
    peers = ["µStreamer", "mjpg-streamer", "motion", "go2rtc", "web_video_server", "Frigate"]
    heads = [row for row in ROWS if row[1] == "Ringcast"]
    assert len(heads) >= 7
    assert all(head == ["", "Ringcast", *peers] for head in heads)
    assert len(OURS) >= 50


@pytest.mark.parametrize("feature", OURS)
def test_each_of_our_cells_leads_to_its_proof_or_admits_the_lack(feature: str) -> None:
    cell = OURS[feature]
    proof = PROOF.match(cell)
    if proof is None:
        assert cell.startswith("–"), f"{feature}: {cell!r} neither proves nor admits"  # noqa: RUF001 - the dash
        return
    file, test = proof.groups()
    assert (ROOT / file).is_file(), f"{feature}: there is no {file}"
    assert test in functions(ROOT / file), f"{feature}: {file} has no {test}"
