"""Tests of benchmarks/scale_model.py: what the command says, and what it refuses."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from benchmarks.report import RESULTS
from benchmarks.scale_model import DOCUMENT, PUBLISHED, main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Arguments that name the published bench and a tree made up."""
    tree = tmp_path / "tree.json"
    hop = {"relay_cores": 0.1, "added_ms": {"p50": 1.5, "p99": 2.5}}
    tree.write_text(json.dumps({"per_hop": hop}), encoding="utf-8")
    return ["--bench", str(RESULTS), "--relay-tree", str(tree)]


def test_inputs_and_assumptions_are_printed_with_the_result(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main([*files, "--viewers", "1000", "--nic-gbit", "25", "--frame-kb", "144.8", "--fps", "25"])
    said = capsys.readouterr().out
    for expected in ("A model.", "144.8 kB at 25 fps", "30.8 Mbit/s", "0.10 core", "Assumed:"):
        assert expected in said
    # 0.7 x 25,000 / 30.76 is 568 streams a node: two leaves of 500
    (line,) = [line for line in said.splitlines() if line.startswith("| 1,000 ")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:6] == ["1,000", "25", "1", "3 = 1 + 2", "500", "NIC"]
    assert cells[-2:] == ["13,842", "0"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--viewers", "0"], "viewers is 0; it must be from 1 to 1e\\+08"),
        (["--fps", "0"], "fps is 0; "),
        (["--frame-kb", "nan"], "frame_bytes is nan; "),
        (["--utilisation", "1.2"], "utilisation is 1.2; it must be from 0.05 to 1"),
        (["--price-per-gb", "-1"], "price_per_gb is -1; "),
        (["--nic-gbit", "0.1"], "a tree needs 2 or more"),
        (["--relay-tree", "nowhere.json"], "nowhere.json is missing"),
    ],
)
def test_nonsense_ends_with_a_sentence(
    files: list[str], arguments: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit, match=sentence):
        main([*files, *arguments])


def commands() -> list[str]:
    """What docs/scaling.md tells its readers to run, but for their own figures."""
    page = DOCUMENT.read_text(encoding="utf-8")
    return re.findall(r"^\.venv/bin/python -m benchmarks\.scale_model (.*)$", page, re.MULTILINE)


@pytest.mark.parametrize("command", commands())
def test_commands_of_the_documentation_run(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(command.split())
    assert "| 10,000 " in capsys.readouterr().out


def test_the_documentation_holds_what_the_model_says_of_the_published_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(PUBLISHED)
    assert capsys.readouterr().out.strip() in DOCUMENT.read_text(encoding="utf-8")
